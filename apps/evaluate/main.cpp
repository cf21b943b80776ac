// ockham-evaluate: accuracy, loss, parameters and multiply-accumulates of a checkpoint on a part of a data set.
#include <cmath>
#include <iostream>

#include "apps/cli/host.h"
#include "apps/cli/text/format.h"
#include "apps/runs/folder/source_run.h"
#include "apps/runs/inputs/batches.h"
#include "apps/runs/page/predictions.h"
#include "apps/runs/recipe/recipe_settings.h"
#include "engine/device_memory.h"
#include "nas/cost.h"
#include "nas/train/trainer.h"

namespace ockham::apps {
namespace {

struct EvaluateSettings {
  CheckpointSettings source;
  NewFolderSettings folder;
  std::string split = "test";
  std::int64_t batch_size = 100;
  nas::TestViews test_views = nas::TestViews::kOne;
};

void describe(EvaluateSettings& s, SettingVisitor& v) {
  describe(s.source, v);
  describe(s.folder, v);
  v.group("Evaluation");
  v.choice("split", s.split, {"test", "valid", "train"}, "part of the data");
  v.count("batch-size", s.batch_size,
          "images in one pass; few may take other kernels, which changes float32 sums by rounding",
          {.min = 1, .max = 100000});
  describe_test_views(s.test_views, v);
}

void declare(OptionTable& table) {
  declare_settings<EvaluateSettings>(table);
  answer_data_by_run(table, "checkpoint", {"test-flips"});
}

void publish(Session& session, const EvaluateSettings& settings, OpenedCheckpoint& opened, const nas::Score& score,
             double seconds) {
  const std::string& part = settings.split;
  const Device device = maps_of(settings.source.compute).device;
  nas::SavedNetwork& network = opened.network;
  const auto forward = [&](const Context& c, const Variable& x) { return network.logits(c, x); };
  const std::int64_t params = count_elements(network.module().parameters(ParameterKind::kWeight));
  const std::int64_t macs = nas::count_macs(forward, network.frame.image_channels, network.frame.image_size,
                                            precision_of(settings.source.compute).weights, device);
  std::cout << part << " accuracy " << format_percent(score.accuracy()) << " % of " << score.count << " images of "
            << opened.dataset->name() << ", loss " << std::round(score.mean_loss() * 1e4) / 1e4 << ", "
            << format_count(params) << " parameters, " << format_count(macs) << " multiply-accumulates an image\n";
  session.publish({{"dataset", opened.dataset->name()},
                   {"data", opened.facts},
                   {"seed", settings.source.compute.seed},
                   {"split", part},
                   {"images", score.count},
                   {"params", params},
                   {"macs", macs},
                   {"train_loss", nullptr},
                   {"valid_accuracy", part == "valid" ? nlohmann::ordered_json(score.accuracy()) : nullptr},
                   {"test_accuracy", part == "test" ? nlohmann::ordered_json(score.accuracy()) : nullptr},
                   {"accuracy", score.accuracy()},
                   {"top5", score.accuracy5()},
                   {"loss", score.mean_loss()},
                   {"epochs", nullptr},
                   {"seconds", seconds},
                   {"images_per_second", static_cast<double>(score.count) / seconds},
                   {"peak_bytes", memory_statistics(device).peak_bytes}});
}

int run(Session& session, const EvaluateSettings& settings) {
  const std::string& part = settings.split;
  if (part == "valid" && settings.source.data.valid_size == 0)
    throw UsageError("--split valid: there is no validation part without --valid-size.");
  const bool has_page = !settings.folder.out.empty();
  RunFolder::check(settings.folder);
  const TensorForm maps = maps_of(settings.source.compute);
  OpenedCheckpoint opened = open_checkpoint(session, settings.source, part);
  const auto forward = [&](const Context& c, const Variable& x) { return opened.network.logits(c, x); };
  if (has_page)
    session.folder().describe("data", opened.facts);
  Predictions predictions;
  const double start = monotonic_seconds();
  const nas::Score score = evaluate_dataset(opened.dataset, settings.batch_size, maps, [&](const nas::Batch& b) {
    return nas::evaluate(forward, b, BatchNormMode::kRunning, settings.test_views, [&](const Tensor& logits) {
      if (has_page)
        predictions.take(logits, b.labels);
    });
  });
  const double seconds = monotonic_seconds() - start;
  if (!std::isfinite(score.mean_loss()))
    throw DivergedError(concat(opened.checkpoint.file.string(), ": the loss on the ", part, " images is ",
                               score.mean_loss(),
                               "; the run that wrote it has diverged. Train again with a lower --lr."));
  if (has_page)
    predictions.write(session.folder(), *opened.dataset, part);
  publish(session, settings, opened, score, seconds);
  return kDone;
}

}  // namespace
}  // namespace ockham::apps

int main(int argc, char** argv) {
  using namespace ockham::apps;
  return run_main(argc, argv, app_of("evaluate", "Tests the network of a checkpoint.", run, declare));
}
