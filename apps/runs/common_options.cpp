#include "apps/runs/common_options.h"

namespace ockham::apps {

void add_training_options(OptionTable& table) {
  constexpr std::int64_t kMany = 1'000'000;
  table.group("Training");
  table.count("epochs", 50, "passes over the training images", {.max = kMany});
  table.count("batch-size", 64, "images in one step", {.min = 1, .max = kMany});
  table.count("channels", 16, "channels of the first cell", {.min = 1, .max = kMany});
  table.count("cells", 8, "cells in the network", {.min = 1, .max = kMany});
  table.real("lr", 0.025, "learning rate at the start", kPositive);
  table.alias("init-channels", "channels");
  table.alias("layers", "cells");
  table.alias("learning-rate", "lr");
}

}  // namespace ockham::apps
