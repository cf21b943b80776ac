#pragma once
// Programs that look at what a run has left: they take the data that it saw from the run, unless told otherwise.
#include <string>

#include "apps/runs/folder/checkpoints.h"
#include "apps/runs/program.h"
#include "data/dataset.h"
#include "nas/saved/saved_network.h"

namespace ockham::apps {

/// The file that a path means: itself, or the last checkpoint of a run's folder.
/// @throws UsageError for no path, CheckpointError if there is no such file
std::filesystem::path checkpoint_path(std::filesystem::path path);

/// The folder of the run that a path belongs to: the folder itself, or that of a file at its top or in its checkpoints.
/// Empty if there is none.
std::filesystem::path run_of(const std::filesystem::path& path);

/// "data" in the run.json of a run's folder; null where it was stopped before it had opened them.
nlohmann::ordered_json data_of(const std::filesystem::path& run);

/// Lets the run that the option `source` names answer the data options, --seed and `others` where they are not given:
/// option, then environment, then --config and --preset, then the run, then the default.
void answer_data_by_run(OptionTable& table, const std::string& source, const std::vector<std::string>& others = {});

/// Programs that look at a checkpoint.
struct CheckpointSettings {
  ComputeSettings compute = {};
  DataSettings data = {};
  std::string checkpoint = {};  ///< a file, or the folder of a run
};
void describe(CheckpointSettings& settings, SettingVisitor& visitor,
              const std::vector<Named<NumberFormat>>& formats = kNumberFormats);

/// Declares settings that hold these; the run that --checkpoint names answers the data options.
template <class Settings>
void declare_with_checkpoint(OptionTable& table) {
  declare_settings<Settings>(table);
  answer_data_by_run(table, "checkpoint");
}

/// @throws UsageError if the images of a data set are not what the network was built for
void require_fit(const nas::FrameSpec& frame, const data::Dataset& dataset);

/// A network with the images to look at.
struct OpenedCheckpoint {
  Checkpoint checkpoint;
  nas::SavedNetwork network;
  data::DatasetPtr dataset;
  nlohmann::ordered_json facts;  ///< the data's name, classes, shape, size and digest
};

/// Opens what --checkpoint names, in the weights' type of --precision, and the `part` ("train", "valid", "test") of its
/// data. What cannot be verified (a file without a digest, images that are not the run's because options say so) is
/// told in the log.
/// @throws CheckpointError for a bad checkpoint, DivergedError for one with numbers that are not finite, UsageError
/// where nothing names the data or they do not fit, data::DataError if they are no longer those of the run
OpenedCheckpoint open_checkpoint(Session& session, const CheckpointSettings& settings, const std::string& part);

}  // namespace ockham::apps
