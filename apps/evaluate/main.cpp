// ockham-evaluate: accuracy, loss, parameters and multiply-accumulates of a checkpoint on a part of a data set.
#include <cmath>
#include <iostream>

#include "apps/cli/format.h"
#include "apps/cli/host.h"
#include "apps/runs/batches.h"
#include "apps/runs/common_options.h"
#include "apps/runs/datasets.h"
#include "apps/runs/networks.h"
#include "apps/runs/precision.h"
#include "apps/runs/program.h"
#include "engine/allocator.h"
#include "nas/cost.h"
#include "nas/train/trainer.h"

namespace ockham::apps {
namespace {

void declare(OptionTable& table) {
  add_compute_options(table);
  add_data_options(table);
  table.group("Evaluation");
  table.text("checkpoint", "", "a checkpoint file, or the folder of a run (its last checkpoint)", "FILE|DIR");
  table.positional("checkpoint");
  table.choice("split", {"test", "valid", "train"}, "test", "part of the data");
  table.count("batch-size", 100, "images in one pass; changes no result", {.min = 1, .max = 100000});
}

int run(Session& session) {
  const Options& options = session.options();
  const Precision precision = precision_of(options);
  RestoredNetwork network = restore_network(read_checkpoint(checkpoint_path(options)), precision.weights);
  const data::Splits splits = open_splits(options);
  const std::string& part = options.text("split");
  const data::DatasetPtr dataset = part == "test" ? splits.test : part == "train" ? splits.train : splits.valid;
  if (!dataset)
    throw UsageError("--split valid: there is no validation part without --valid-size.");
  require_fit(network.frame, *dataset);

  const auto forward = [&](const Context& c, const Variable& x) { return network.logits(c, x); };
  const double start = monotonic_seconds();
  const nas::Score score = evaluate_dataset(dataset, options.count("batch-size"), precision.maps,
                                            [&](const nas::Batch& b) { return nas::evaluate(forward, b); });
  const double seconds = monotonic_seconds() - start;
  const std::int64_t params = count_elements(network.module().parameters(ParameterKind::kWeight));
  const std::int64_t macs = nas::count_macs(forward, network.frame.image_channels, network.frame.image_size);
  std::cout << part << " accuracy " << std::round(score.accuracy() * 1e4) / 1e2 << " % of " << score.count
            << " images, loss " << std::round(score.mean_loss() * 1e4) / 1e4 << ", " << format_count(params)
            << " parameters, " << format_count(macs) << " multiply-accumulates an image\n";
  session.publish({{"split", part},
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
                   {"peak_bytes", CachingAllocator::instance().statistics().peak_bytes}});
  return kDone;
}

}  // namespace
}  // namespace ockham::apps

int main(int argc, char** argv) {
  return ockham::apps::run_main(argc, argv,
                                {.name = "evaluate",
                                 .purpose = "Tests the network of a checkpoint.",
                                 .declare = ockham::apps::declare,
                                 .run = ockham::apps::run});
}
