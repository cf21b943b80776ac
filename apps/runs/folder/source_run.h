#pragma once
// Programs that look at what a run has left: they take the data that it saw from the run, unless told otherwise.
#include <string>

#include "apps/runs/inputs/networks.h"
#include "apps/runs/program.h"

namespace ockham::apps {

/// The folder of the run that a path belongs to: the folder itself, or that of a file at its top or in its checkpoints.
/// Empty if there is none.
std::filesystem::path run_of(const std::filesystem::path& path);

/// Lets the run that the option `source` names answer the data options and --seed where they are not given: option,
/// then environment, then --config and --preset, then the run, then the default.
void answer_data_by_run(OptionTable& table, const std::string& source);

/// --checkpoint FILE|DIR, also as a word, and data options that its run answers.
void add_checkpoint_options(OptionTable& table);

/// A network with the images to look at.
struct OpenedCheckpoint {
  Checkpoint checkpoint;
  RestoredNetwork network;
  data::DatasetPtr dataset;
  nlohmann::ordered_json facts;  ///< the data's name, classes, shape, size and digest
};

/// Opens what --checkpoint names, and the `part` ("train", "valid", "test") of its data. What cannot be verified (a
/// file without a digest, images that are not the run's because options say so) is told in the log.
/// @throws CheckpointError for a bad checkpoint, DivergedError for one with numbers that are not finite, UsageError
/// where nothing names the data or they do not fit, data::DataError if they are no longer those of the run
OpenedCheckpoint open_checkpoint(Session& session, DType dtype, const std::string& part);

}  // namespace ockham::apps
