#pragma once
// The options that mean the same in every program. An app declares the groups that it uses and then its own.
#include "apps/cli/options/options.h"
#include "engine/device.h"

namespace ockham::apps {

/// help, version, config, print-config, json, quiet: every program.
void add_general_options(OptionTable& table);

/// threads, device, precision, memory-limit: programs that compute.
void add_device_options(OptionTable& table);

/// Those and seed: programs that draw random numbers.
void add_compute_options(OptionTable& table);

/// out, resume, overwrite, dry-run: programs that write a run folder.
void add_run_options(OptionTable& table);

/// dataset, data, image-size, on-bad-image: programs that look at images. datasets.h opens what they name.
void add_dataset_options(OptionTable& table);

/// Those and train-size, valid-size, test-size: programs that train or evaluate.
void add_data_options(OptionTable& table);

/// epochs, batch-size, channels, cells, lr with DARTS's names as aliases (init-channels, layers, learning-rate). The
/// defaults are those of the DARTS search; change them through OptionTable::at.
void add_training_options(OptionTable& table);

}  // namespace ockham::apps
