#include "apps/runs/folder/checkpoints.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "data/digest.h"
#include "engine/atomic_file.h"
#include "engine/json_file.h"
#include "engine/math.h"

namespace ockham::apps {
namespace {

constexpr const char* kLast = "checkpoints/last.safetensors";
/// How long metrics.jsonl was at a checkpoint. Beside it and not in it, since lines differ in length with the time they
/// tell; keyed by the position, for the checkpoint on the disk and the one to come, since a crash may fall between.
constexpr const char* kLengths = "checkpoints/metrics.json";
constexpr const char* kPosition = "checkpoint: its position";

/// Changes with what a file says or keeps. A file of format 1 has no digest; no run goes on from it.
constexpr std::array kFormats = {"1", "2"};

/// SHA-256 of metadata, names, types, shapes and bytes, each piece led by its length. For 27 MB, DARTS at its published
/// size, it takes 0.03 of the 0.16 s of a save.
std::string digest_of(const TensorFile& file) {
  data::Digest digest;
  const auto add = [&](std::string_view piece) {
    digest.add(concat(piece.size(), ' '));
    digest.add(piece);
  };
  for (const auto& [key, text] : file.metadata) {
    if (key != "digest") {
      add(key);
      add(text);
    }
  }
  for (const auto& [name, tensor] : file.tensors) {
    add(name);
    add(concat(tensor.spec()));
    visit_dtype(tensor.dtype(), [&]<class T>() {
      const auto bytes = std::as_bytes(tensor.span<T>());
      add({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    });
  }
  return digest.hex();
}

/// @return whether there is a digest @throws CheckpointError if it is that of other contents
bool check_digest(const std::filesystem::path& path, const TensorFile& file) {
  const auto written = file.metadata.find("digest");
  if (written == file.metadata.end())
    return false;
  if (const std::string found = digest_of(file); found != written->second)
    throw CheckpointError(concat(path.string(), ": its contents have the SHA-256 ", found, ", but were saved with ",
                                 written->second, "; the file was damaged or changed since. Restore it from a copy."));
  return true;
}

nlohmann::ordered_json parse_object(const std::filesystem::path& path, const std::string& key,
                                    const std::string& text) {
  const std::string name = concat(path.string(), ": its metadata '", key, "'");
  nlohmann::ordered_json value = parse_json(text, name);
  if (!value.is_object())
    throw CheckpointError(concat(name, " is no object; the file is damaged."));
  return value;
}

/// @throws DivergedError if a number is not finite
TensorFile file_of(const Checkpoint& checkpoint, const std::filesystem::path& path) {
  TensorFile file;
  for (const auto& [key, tensor] : checkpoint.tensors)
    file.tensors.emplace(key, tensor.to(Device{}).contiguous());
  if (const auto bad = find_non_finite(file.tensors))
    throw DivergedError(concat(*bad, " is not finite at ", checkpoint.position.dump(), ", so ", path.string(),
                               " is not written and stays as it was; start again with a lower --lr."));
  file.metadata = {{"format", "ockham"},
                   {"format_version", kFormats.back()},
                   {"network", checkpoint.network.dump()},
                   {"position", checkpoint.position.dump()}};
  file.metadata["digest"] = digest_of(file);
  return file;
}

bool is_same(const Tensor& a, const Tensor& b) {
  return a.spec() == b.spec() && visit_dtype(a.dtype(), [&]<class T>() {
           return std::memcmp(a.span<T>().data(), b.span<T>().data(), a.nbytes()) == 0;
         });
}

}  // namespace

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  TensorFile file = load_safetensors(path);
  if (const auto format = file.metadata.find("format_version");
      format != file.metadata.end() && std::ranges::find(kFormats, format->second) == kFormats.end())
    throw CheckpointError(concat(path.string(), ": is of format ", format->second, ", this version reads ",
                                 kFormats.front(), " to ", kFormats.back(), "; use the version that wrote it."));
  Checkpoint result;
  result.file = path;
  result.has_digest = check_digest(path, file);
  for (const auto& [key, target] : {std::pair{"network", &result.network}, std::pair{"position", &result.position}}) {
    const auto it = file.metadata.find(key);
    if (it == file.metadata.end())
      throw CheckpointError(
          concat(path.string(), ": has no metadata '", key, "'; it is no checkpoint of this program."));
    *target = parse_object(path, key, it->second);
  }
  result.tensors = std::move(file.tensors);
  return result;
}

void read_from(const Checkpoint& checkpoint, const std::function<void()>& read) {
  try {
    read();
  } catch (const CheckpointError& e) {
    throw CheckpointError(concat(checkpoint.file.string(), ": ", e.what()));
  }
}

std::optional<std::string> find_non_finite(const std::map<std::string, Tensor>& tensors) {
  for (const auto& [name, tensor] : tensors) {
    const DType type = compute_type(tensor.dtype());
    if (is_compute_type(type) && !is_finite(tensor.to(type)))
      return name;
  }
  return std::nullopt;
}

void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint) {
  save_safetensors(path, file_of(checkpoint, path));
}

void Checkpoints::save(const std::string& name, const Checkpoint& checkpoint) {
  const std::filesystem::path path = folder_.file("checkpoints/" + name + ".safetensors");
  const TensorFile file = file_of(checkpoint, path);
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
  const auto value = value_of<nlohmann::ordered_json>(position, name, kPosition, 0u);
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kMost)
    throw CheckpointError(concat(kPosition, " says ", name, " ", value.dump(), ", which is no whole number from 0 to ",
                                 kMost, "; the file is damaged."));
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
  if (!result.has_digest)
    throw CheckpointError(concat(path.string(), ": has no digest of its contents, as an earlier version or another ",
                                 "program wrote it; this version resumes none. Start a new run with --config ",
                                 (folder_.path() / "config.ini").string(), "."));
  const nlohmann::ordered_json lengths = read_json(folder_.path() / kLengths);
  const auto it = lengths.find(result.position.dump());
  if (it == lengths.end() || !it->is_number_unsigned())
    throw CheckpointError(concat((folder_.path() / kLengths).string(), ": does not know the checkpoint's position ",
                                 result.position.dump(), "; files of two runs were mixed."));
  folder_.metrics().cut_back(it->get<std::uint64_t>());
  length_ = {{it.key(), it.value()}};
  return result;
}

bool resumes_from_checkpoint(const std::string& resume) {
  return !resume.empty() && std::filesystem::exists(std::filesystem::path(resume) / kLast);
}

bool repeat_results(Session& session) {
  const std::filesystem::path path = session.folder().path() / "summary.json";
  if (!std::filesystem::exists(path))
    return false;
  const nlohmann::ordered_json summary = read_json(path);
  session.log().line(concat(session.folder().path().string(), ": this run is finished; nothing is left to do"));
  session.publish(summary);
  return true;
}

}  // namespace ockham::apps
