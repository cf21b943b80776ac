#include "apps/runs/folder/source_run.h"

#include <algorithm>
#include <array>

#include "apps/runs/folder/recorded_facts.h"
#include "apps/runs/inputs/datasets.h"
#include "data/error.h"
#include "engine/json_file.h"

namespace ockham::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::array kDataOptions = {"dataset",        "data",          "image-size",  "eval-resize", "on-bad-image",
                                     "image-channels", "classes",       "label-bytes", "train-size",  "valid-size",
                                     "test-size",      "normalisation", "seed"};

void require_finite(const Checkpoint& checkpoint) {
  if (const auto bad = find_non_finite(checkpoint.tensors))
    throw DivergedError(concat(checkpoint.file.string(), ": ", *bad, " is not finite; the run that wrote it has ",
                               "diverged. Train again with a lower --lr."));
}

bool is_given(const Session& session, const char* option) {
  const Source source = session.options().source(option);
  return source != Source::kRun && source != Source::kFallback;
}

/// What the network's images were normalised by, as the checkpoint or else its run says; nothing where an option says
/// otherwise or neither tells.
std::optional<data::Normalisation> normalisation_of(const Session& session, const OpenedCheckpoint& opened) {
  if (is_given(session, "normalisation"))
    return std::nullopt;
  const fs::path& file = opened.checkpoint.file;
  if (const auto recorded =
          recorded_normalisation(opened.checkpoint.network, opened.network.frame.image_channels, file.string()))
    return recorded;
  const fs::path run = run_of(file);
  return run.empty() ? std::nullopt : normalisation_of_run(data_of(run));
}

/// The images that the run saw are those that are looked at, unless options say otherwise.
void compare_with_run(Session& session, const fs::path& run, const std::string& part, const Json& found) {
  const Json recorded = data_of(run);
  const std::string difference = recorded.is_null() ? "" : difference_of(part, recorded, found);
  if (difference.empty())
    return;
  if (std::ranges::none_of(kDataOptions, [&](const char* option) { return is_given(session, option); }))
    throw data::DataError(concat(run.string(), ": the data are not those of the run: ", difference,
                                 "; restore them, or name others by --dataset and --data."));
  session.log().line(concat("other data than the run's, as options say: ", difference));
}

}  // namespace

void require_fit(const nas::FrameSpec& frame, const data::Dataset& dataset) {
  const data::ImageShape& shape = dataset.shape();
  if (shape.channels != frame.image_channels || shape.height != frame.image_size || shape.width != frame.image_size ||
      dataset.classes() != frame.classes)
    throw UsageError(concat("the network takes ", frame.image_channels, "x", frame.image_size, "x", frame.image_size,
                            " images of ", frame.classes, " classes, but ", dataset.name(), " has ", shape.channels,
                            "x", shape.height, "x", shape.width, " images of ", dataset.classes(),
                            "; choose the data set that it was trained on, or --image-size."));
}

fs::path checkpoint_path(fs::path path) {
  if (path.empty())
    throw UsageError("--checkpoint is missing: name a .safetensors file, or the folder of a run.");
  if (fs::is_directory(path))
    path /= "checkpoints/last.safetensors";
  if (!fs::is_regular_file(path))
    throw CheckpointError(concat(path.string(), ": there is no such file; name a checkpoint or a run's folder."));
  return path;
}

fs::path run_of(const fs::path& path) {
  std::error_code error;
  const fs::path whole = fs::absolute(path, error).lexically_normal();
  if (path.empty() || error || !fs::exists(whole, error))
    return {};
  fs::path folder = fs::is_directory(whole, error) ? whole : whole.parent_path();
  if (folder.filename() == "checkpoints")
    folder = folder.parent_path();
  return fs::is_regular_file(folder / "run.json", error) ? folder : fs::path();
}

Json data_of(const fs::path& run) {
  const std::string name = (run / "run.json").string();
  return value_of<Json>(read_json(name), "data", name, nullptr);
}

void answer_data_by_run(OptionTable& table, const std::string& source, const std::vector<std::string>& others) {
  std::vector<std::string> names(kDataOptions.begin(), kDataOptions.end());
  names.insert(names.end(), others.begin(), others.end());
  table.answer_by_run(source, std::move(names), run_of);
}

void describe(CheckpointSettings& s, SettingVisitor& v, const std::vector<Named<NumberFormat>>& formats) {
  describe(s.compute, v, formats);
  describe(s.data, v);
  v.group("Checkpoint");
  v.text("checkpoint", s.checkpoint, "a file, or the folder of a run (its last one); the run answers the data options",
         "FILE|DIR");
  v.word("checkpoint");
}

OpenedCheckpoint open_checkpoint(Session& session, const CheckpointSettings& settings, const std::string& part) {
  OpenedCheckpoint opened;
  opened.checkpoint = read_checkpoint(checkpoint_path(settings.checkpoint));
  const fs::path& file = opened.checkpoint.file;
  if (const Device device = chosen_device(settings.compute); !device.is_cpu())
    session.log().line(concat("device ", text_of(device)));
  if (!opened.checkpoint.has_digest)
    session.log().line(concat(file.string(), ": has no digest of its contents; damage would not be noticed"));
  opened.network = nas::restore_network(opened.checkpoint.network, opened.checkpoint.tensors,
                                        precision_of(settings.compute).weights, chosen_device(settings.compute));
  require_finite(opened.checkpoint);
  if (session.options().source("dataset") == Source::kFallback)
    throw UsageError(concat(file.string(), ": lies in no folder of a run that tells its data; name them by --dataset ",
                            "(and --data, --image-size, sizes and --seed as they were in training)."));
  const data::Splits all =
      open_splits(settings.data, static_cast<std::uint64_t>(settings.compute.seed), normalisation_of(session, opened));
  log_data(all, session.log());
  const auto wanted = part == "train"   ? &data::Splits::train
                      : part == "valid" ? &data::Splits::valid
                                        : &data::Splits::test;
  data::Splits seen;
  seen.left_out = all.left_out;
  opened.dataset = seen.*wanted = all.*wanted;
  if (!opened.dataset)
    throw UsageError("--split valid: there is no validation part without --valid-size.");
  require_fit(opened.network.frame, *opened.dataset);
  opened.facts = data_facts(seen);
  if (const fs::path run = run_of(file); !run.empty())
    compare_with_run(session, run, part, opened.facts);
  return opened;
}

}  // namespace ockham::apps
