#include "apps/runs/checkpoints.h"

#include <cstring>
#include <fstream>

#include "engine/atomic_file.h"
#include "engine/math.h"

namespace ockham::apps {
namespace {

constexpr const char* kLast = "checkpoints/last.safetensors";
/// How long metrics.jsonl was at a checkpoint. Beside it and not in it, since lines differ in length with the time they
/// tell; keyed by the position, for the checkpoint on the disk and the one to come, since a crash may fall between.
constexpr const char* kLengths = "checkpoints/metrics.json";

nlohmann::ordered_json parse(const std::filesystem::path& path, const std::string& key, const std::string& text) {
  nlohmann::ordered_json value = nlohmann::ordered_json::parse(text, nullptr, false);
  if (value.is_discarded())
    throw CheckpointError(concat(path.string(), ": its metadata '", key, "' is no JSON; the file is damaged."));
  return value;
}

nlohmann::ordered_json read_lengths(const std::filesystem::path& path) {
  std::ifstream in(path);
  nlohmann::ordered_json value = nlohmann::ordered_json::parse(in, nullptr, false);
  return value.is_object() ? value : nlohmann::ordered_json::object();
}

bool is_same(const Tensor& a, const Tensor& b) {
  return a.spec() == b.spec() && visit_dtype(a.dtype(), [&]<class T>() {
           return std::memcmp(a.span<T>().data(), b.span<T>().data(), a.nbytes()) == 0;
         });
}

}  // namespace

std::map<std::string, Tensor> tensors_of(const std::vector<Parameter*>& state) {
  std::map<std::string, Tensor> result;
  for (const Parameter* parameter : state)
    result.emplace(parameter->name, parameter->value);
  return result;
}

void restore(const std::vector<Parameter*>& state, const std::map<std::string, Tensor>& tensors) {
  for (Parameter* parameter : state) {
    const auto it = tensors.find(parameter->name);
    if (it == tensors.end())
      throw CheckpointError(concat("checkpoint: it lacks ", parameter->name, "; it belongs to another network."));
    if (it->second.shape() != parameter->value.shape())
      throw CheckpointError(concat("checkpoint: ", parameter->name, " has shape ", it->second.shape(), ", but ",
                                   parameter->value.shape(), " here; it belongs to another network."));
    parameter->value = it->second.to(parameter->value.dtype()).clone();
  }
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  TensorFile file = load_safetensors(path);
  Checkpoint result;
  for (const auto& [key, target] : {std::pair{"network", &result.network}, std::pair{"position", &result.position}}) {
    const auto it = file.metadata.find(key);
    if (it == file.metadata.end())
      throw CheckpointError(
          concat(path.string(), ": has no metadata '", key, "'; it is no checkpoint of this program."));
    *target = parse(path, key, it->second);
  }
  result.tensors = std::move(file.tensors);
  return result;
}

void Checkpoints::save(const std::string& name, const Checkpoint& checkpoint) {
  TensorFile file;
  file.tensors = checkpoint.tensors;
  file.metadata = {{"format", "ockham"},
                   {"format_version", "1"},
                   {"network", checkpoint.network.dump()},
                   {"position", checkpoint.position.dump()}};
  const std::filesystem::path path = folder_.file("checkpoints/" + name + ".safetensors");
  nlohmann::ordered_json length;
  if (name == "last") {
    length = {{checkpoint.position.dump(), folder_.metrics().sync()}};
    nlohmann::ordered_json lengths = length_;
    lengths.update(length);
    write_file_atomically(folder_.file(kLengths), lengths.dump());
  }
  save_safetensors(path, file);
  const TensorFile written = load_safetensors(path);
  for (const auto& [key, tensor] : file.tensors) {
    const auto it = written.tensors.find(key);
    if (it == written.tensors.end() || !is_same(it->second, tensor))
      throw Error(
          concat(path.string(), ": ", key, " reads back differently from what was written; the disk is faulty."));
  }
  if (name == "last")
    length_ = std::move(length);
}

std::int64_t count_of(const nlohmann::ordered_json& position, const char* name) {
  constexpr std::int64_t kMost = std::int64_t{1} << 48;
  const auto value = position.value(name, nlohmann::ordered_json(0u));
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kMost)
    throw CheckpointError(concat("checkpoint: its position says ", name, " ", value.dump(),
                                 ", which is no whole number from 0 to ", kMost, "; the file is damaged."));
  return value.get<std::int64_t>();
}

std::optional<Checkpoint> Checkpoints::resume() {
  if (!folder_.resumed())
    return std::nullopt;
  const std::filesystem::path path = folder_.path() / kLast;
  if (!std::filesystem::exists(path)) {
    folder_.metrics().cut_back(0);
    return std::nullopt;
  }
  Checkpoint result = read_checkpoint(path);
  const nlohmann::ordered_json lengths = read_lengths(folder_.path() / kLengths);
  const auto it = lengths.find(result.position.dump());
  if (it == lengths.end() || !it->is_number_unsigned())
    throw CheckpointError(concat((folder_.path() / kLengths).string(), ": does not know the checkpoint's position ",
                                 result.position.dump(), "; files of two runs were mixed."));
  folder_.metrics().cut_back(it->get<std::uint64_t>());
  length_ = {{it.key(), it.value()}};
  return result;
}

bool resumes_from_checkpoint(const Options& options) {
  return options.is_set("resume") &&
         std::filesystem::exists(std::filesystem::path(options.text("resume")) / "checkpoints/last.safetensors");
}

bool repeat_results(Session& session) {
  std::ifstream in(session.folder().path() / "summary.json");
  const nlohmann::ordered_json summary = nlohmann::ordered_json::parse(in, nullptr, false);
  if (!summary.is_object())
    return false;
  session.log().line(concat(session.folder().path().string(), ": this run is finished; nothing is left to do"));
  session.publish(summary);
  return true;
}

}  // namespace ockham::apps
