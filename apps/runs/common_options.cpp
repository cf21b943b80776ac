#include "apps/runs/common_options.h"

#include "apps/cli/options/settings.h"
#include "apps/runs/settings.h"

namespace ockham::apps {
namespace {

/// Free of the work done: not in config.ini.
void unrecorded(Option& option) {
  option.recorded = false;
}

}  // namespace

void add_general_options(OptionTable& table) {
  table.group("General");
  unrecorded(table.flag("help", "print this text and exit"));
  unrecorded(table.flag("version", "print the version and exit"));
  unrecorded(table.text("config", "", "read options from this ini file", "FILE"));
  unrecorded(table.flag("print-config", "print the options in force as an ini file for --config and exit"));
  unrecorded(table.flag("json", "end standard output with one line of JSON holding the results"));
  unrecorded(table.flag("quiet", "print no progress, only results and errors"));
}

void add_compute_options(OptionTable& table) {
  declare_settings<ComputeSettings>(table);
}

void add_device_options(OptionTable& table) {
  declare_settings<DeviceSettings>(table);
}

void add_run_options(OptionTable& table) {
  declare_settings<FolderSettings>(table);
}

void add_dataset_options(OptionTable& table) {
  declare_settings<DatasetSettings>(table);
}

void add_data_options(OptionTable& table) {
  declare_settings<DataSettings>(table);
}

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
