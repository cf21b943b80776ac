// ockham-export: writes a network for other programs: ONNX, or weights with PyTorch's names; reads the latter too.
#include <iostream>

#include "apps/cli/output_path.h"
#include "apps/cli/text/format.h"
#include "apps/cli/version.h"
#include "apps/runs/folder/recorded_facts.h"
#include "apps/runs/folder/source_run.h"
#include "engine/atomic_file.h"
#include "engine/json_file.h"
#include "nas/exchange/onnx/export.h"
#include "nas/exchange/pytorch/darts_weights.h"

namespace ockham::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

enum class Format { kOnnx, kSafetensors, kCheckpoint };

struct ExportSettings {
  std::string checkpoint;
  std::string out;
  Format format = Format::kOnnx;
  std::string genotype;
  std::int64_t image_size = 0;
  bool overwrite = false;
};

void describe(ExportSettings& s, SettingVisitor& v) {
  v.group("What to write");
  v.text("checkpoint", s.checkpoint,
         "a checkpoint, the folder of a run (its last one), or weights of a DARTS network in PyTorch (its state_dict "
         "as safetensors)",
         "FILE|DIR");
  v.word("checkpoint");
  v.choice("format", s.format,
           {{"onnx", Format::kOnnx}, {"safetensors", Format::kSafetensors}, {"checkpoint", Format::kCheckpoint}},
           "onnx: the network at inference, operator set 13; safetensors: parameters and buffers alone, under "
           "PyTorch's names; checkpoint: for ockham-evaluate and the others");
  v.text("genotype", s.genotype, "the cell that weights from PyTorch belong to; search networks need none",
         "FILE|NAME|TEXT");
  v.count("image-size", s.image_size, "side of the images; 0 for the checkpoint's, of weights 32 (imagenet stem 224)",
          {.max = 4096});
  v.role(SettingRole::kPresentation);
  v.text("out", s.out, "the file to write", "FILE", output_file_complaint);
  v.flag("overwrite", s.overwrite, "let it replace an existing file");
}

/// A network, and what else is known of it.
struct Source {
  nas::SavedNetwork network;
  Json description;
  Json data = nullptr;  ///< as run.json tells it; null: not known
};

Source from_pytorch(const ExportSettings& settings, const fs::path& file, TensorFile weights) {
  std::optional<nas::Genotype> genotype;
  if (!settings.genotype.empty())
    genotype = nas::load_genotype(settings.genotype);
  try {
    nas::DartsWeights read = nas::read_darts_weights(std::move(weights.tensors), genotype, settings.image_size);
    return {.network = std::move(read.network), .description = std::move(read.description)};
  } catch (const CheckpointError& e) {
    throw CheckpointError(concat(file.string(), ": ", e.what()));
  }
}

/// As run.json tells the data of the run that a file belongs to; null where there is none.
Json data_of_file(const fs::path& file) {
  const fs::path run = run_of(file);
  return run.empty() ? Json(nullptr) : data_of(run);
}

/// The search network of DARTS, whose tensors have PyTorch's names in the checkpoints of its searches too.
/// @throws UsageError for a search in another space
Source from_search(const ExportSettings& settings, const Checkpoint& checkpoint) {
  const std::string name = checkpoint.file.string();
  const auto space = value_of<std::string>(checkpoint.network, "space", name);
  if (space != "darts")
    throw UsageError(
        concat(name, ": it is of a search in the space '", space,
               "'; of the searches those in the space darts are written, and those of bayesnas in its own space. ",
               space.starts_with("1shot1")
                   ? "Train a cell of another space."
                   : concat("Train the cell that was found (ockham-train --genotype RUN/",
                            space == "nasbench201" ? "cell.txt" : "genotype.json", ") and name that run.")));
  Source source{.network = {}, .description = {}, .data = data_of_file(checkpoint.file)};
  std::map<std::string, Tensor> weights;
  for (const auto& [key, tensor] : checkpoint.tensors) {
    if (!key.starts_with("optim.") && !key.starts_with("run."))
      weights.emplace(key, tensor);
  }
  std::int64_t image_size = settings.image_size;
  if (image_size == 0 && source.data.is_object())
    image_size = value_of<std::array<std::int64_t, 3>>(source.data, "shape", "run.json: data")[1];
  read_from(checkpoint, [&] {
    nas::DartsWeights read = nas::read_darts_weights(std::move(weights), std::nullopt, image_size);
    source.network = std::move(read.network);
    source.description = std::move(read.description);
  });
  if (checkpoint.network.contains("normalisation"))
    source.description["normalisation"] = checkpoint.network["normalisation"];
  return source;
}

Source from_checkpoint(Session& session, const ExportSettings& settings, const fs::path& file) {
  if (!settings.genotype.empty())
    throw UsageError(concat(file.string(), ": a checkpoint carries its genotype; leave --genotype out."));
  const Checkpoint checkpoint = read_checkpoint(file);
  if (!checkpoint.has_digest)
    session.log().line(concat(file.string(), ": has no digest of its contents; damage would not be noticed"));
  if (value_of<std::string>(checkpoint.network, "kind", file.string()) == "search")
    return from_search(settings, checkpoint);
  Source source{.network = {}, .description = checkpoint.network, .data = data_of_file(file)};
  if (settings.image_size > 0)
    source.description["image_size"] = settings.image_size;
  read_from(checkpoint,
            [&] { source.network = nas::restore_network(source.description, checkpoint.tensors, DType::kFloat32); });
  return source;
}

Source open_source(Session& session, const ExportSettings& settings) {
  const fs::path file = checkpoint_path(settings.checkpoint);
  TensorFile content = load_safetensors(file);
  return content.metadata.contains("network") ? from_checkpoint(session, settings, file)
                                              : from_pytorch(settings, file, std::move(content));
}

/// What an image must become before the network sees it: no part of the graph, so that it is told.
std::map<std::string, std::string> metadata_of(Session& session, const Source& source) {
  std::map<std::string, std::string> metadata;
  if (source.description.contains("genotype"))
    metadata["genotype"] = source.description["genotype"].dump();
  auto normalisation = recorded_normalisation(source.description, source.network.frame.image_channels,
                                              "checkpoint: the description of its network");
  if (source.data.is_object()) {
    metadata["dataset"] = value_of<std::string>(source.data, "name", "run.json: data");
    if (!normalisation)
      normalisation = normalisation_of_run(source.data);
  }
  if (!normalisation) {
    session.log().line("no run tells the data of this network, so the model does not say how to prepare images");
    return metadata;
  }
  const Json facts = facts_of(*normalisation, source.network.frame.image_channels);
  metadata["mean"] = facts["mean"].dump();
  metadata["std"] = facts["std"].dump();
  metadata["preprocessing"] =
      "input[n, c, y, x] = (pixel / 255 - mean[c]) / std[c], pixels from 0 to 255, channels in the order red, green, "
      "blue";
  return metadata;
}

std::string write_onnx(Session& session, Source& source, const fs::path& out, Json& result) {
  const nas::FrameSpec& frame = source.network.frame;
  nas::onnx::Model model = nas::onnx::to_model(
      [&](const Context& context, const Variable& images) { return source.network.logits(context, images); },
      source.network.module(), {frame.image_channels, frame.image_size, frame.image_size});
  model.metadata = metadata_of(session, source);
  model.producer_version = version();
  write_file_atomically(out, nas::onnx::to_bytes(model));
  result["operators"] = model.nodes.size();
  return concat("ONNX, operator set 13: input [N, ", frame.image_channels, ", ", frame.image_size, ", ",
                frame.image_size, "], ", format_count(std::ssize(model.nodes)), " operators, ");
}

std::string write_weights(Source& source, const fs::path& out, Json& result) {
  TensorFile file{.tensors = nas::network_weights(source.network.module()), .metadata = {{"format", "pt"}}};
  if (source.description.contains("narrowed"))
    file.metadata["narrowed"] = source.description["narrowed"].dump();
  save_safetensors(out, file);
  result["tensors"] = file.tensors.size();
  return concat(format_count(std::ssize(file.tensors)), " tensors, ");
}

std::string write_as_checkpoint(Source& source, const fs::path& out, Json& result) {
  const Checkpoint checkpoint{.network = source.description,
                              .position = Json::object(),
                              .tensors = nas::network_weights(source.network.module())};
  write_checkpoint(out, checkpoint);
  result["tensors"] = checkpoint.tensors.size();
  return concat("checkpoint, ", format_count(std::ssize(checkpoint.tensors)), " tensors, ");
}

int run(Session& session, const ExportSettings& settings) {
  const fs::path out = settings.out;
  if (out.empty())
    throw UsageError("--out is missing: name the file to write, such as network.onnx.");
  if (fs::exists(out) && !settings.overwrite)
    throw UsageError(out.string() + " exists. Choose another --out, or replace it with --overwrite.");
  Source source = open_source(session, settings);
  const std::int64_t params = count_elements(source.network.module().parameters(ParameterKind::kWeight));
  Json result{{"file", out.string()}, {"params", params}};
  const std::string what = settings.format == Format::kOnnx          ? write_onnx(session, source, out, result)
                           : settings.format == Format::kSafetensors ? write_weights(source, out, result)
                                                                     : write_as_checkpoint(source, out, result);
  result["bytes"] = fs::file_size(out);
  std::cout << out.string() << ": " << what << format_count(params) << " parameters, "
            << format_count(static_cast<std::int64_t>(fs::file_size(out))) << " bytes\n";
  session.publish(result);
  return kDone;
}

}  // namespace
}  // namespace ockham::apps

int main(int argc, char** argv) {
  using namespace ockham::apps;
  return run_main(argc, argv, app_of("export", "Writes the network of a checkpoint for other programs.", run));
}
