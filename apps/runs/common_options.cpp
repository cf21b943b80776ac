#include "apps/runs/common_options.h"

#include "data/registry.h"
#include "engine/error.h"

namespace ockham::apps {
namespace {

/// Free of the work done: not in config.ini.
void unrecorded(Option& option) {
  option.recorded = false;
}

void free_on_resume(Option& option) {
  option.free_on_resume = true;
}

/// A device that this build lacks is a DeviceError from here on, so that no work is done first.
std::string device_complaint(const std::string& text) {
  try {
    Device::parse(text);
  } catch (const UsageError& e) {
    return std::string("is no device (") + e.what() + ")";
  }
  return "";
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
  table.group("Computing");
  table.count("seed", 0, "the start of all random numbers; the same seed gives the same bytes");
  free_on_resume(table.count("threads", 0, "threads, 0 for all processors; changes no result", {.max = 1024}));
  Option& device = table.text("device", "auto", "where to compute: auto, cpu, cuda or cuda:I", "DEVICE");
  device.complaint = device_complaint;
  free_on_resume(device);
  table.choice("precision", {"fp32", "fp64", "bf16"}, "fp32",
               "number format of the computation; bf16: of feature maps, the rest fp32");
  free_on_resume(
      table.size("memory-limit", "",
                 "most memory for tensors: steps take fewer images at a time to keep to it, or the run is refused"));
}

void add_run_options(OptionTable& table) {
  table.group("Run folder");
  unrecorded(table.text("out", "", "folder to create for the results [runs/APP-DATE-TIME-SEED]", "DIR"));
  unrecorded(table.text("resume", "", "continue the stopped run in this folder", "DIR"));
  unrecorded(table.flag("overwrite", "replace the run that --out already holds"));
  unrecorded(table.flag("dry-run", "print the plan (parameters, memory, time), write nothing and exit"));
}

void add_dataset_options(OptionTable& table) {
  table.group("Data");
  table.choice("dataset", {data::kDatasetNames.begin(), data::kDatasetNames.end()}, "shapes",
               "images to use; shapes is drawn by the program and needs no files");
  free_on_resume(table.text("data", "", "folder with the official files or archive contents", "DIR"));
  table.count("image-size", 0, "height and width that images are brought to; 0 for their own", {.max = 1024});
}

void add_data_options(OptionTable& table) {
  add_dataset_options(table);
  table.count("train-size", 0, "use this many training images, the first of a seeded shuffle; 0 for all");
  table.count("valid-size", 0, "set this many training images apart for validation");
  table.count("test-size", 0, "use this many test images; 0 for all");
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
