#pragma once
// Settings that mean the same in every program; each program's own struct holds those that it has.
#include <cstdint>
#include <optional>
#include <string>

#include "apps/runs/inputs/precision.h"
#include "engine/settings.h"

namespace ockham::apps {

/// Every program.
struct GeneralSettings {
  bool help = false;
  bool version = false;
  std::string config;
  bool print_config = false;
  bool json = false;
  bool quiet = false;
};
void describe(GeneralSettings& settings, SettingVisitor& visitor);

/// Where a program computes.
struct PlaceSettings {
  std::int64_t threads = 0;  ///< 0: default_thread_count()
  std::string device = "auto";
};
void describe(PlaceSettings& settings, SettingVisitor& visitor);

/// Programs that compute, in a format of their users' choice.
struct DeviceSettings {
  std::int64_t threads = 0;  ///< 0: default_thread_count()
  std::string device = "auto";
  NumberFormat precision = NumberFormat::kFp32;
  bool precise = false;                            ///< set_precise_convolutions()
  std::optional<std::uint64_t> memory_limit = {};  ///< bytes
};
/// @param formats those that the program can compute in
void describe(DeviceSettings& settings, SettingVisitor& visitor,
              const std::vector<Named<NumberFormat>>& formats = kNumberFormats);
inline Precision precision_of(const DeviceSettings& settings) {
  return precision_of(settings.precision);
}
/// @throws DeviceError if this build or machine lacks it
Device chosen_device(const DeviceSettings& settings);
/// "cpu", or the device's name and what it is.
std::string text_of(Device device);
/// For programs that compute on the CPU alone: "auto" means that there. @throws UsageError for another device
void require_cpu(const DeviceSettings& settings);
/// Images of training and evaluation; in the type of the weights, for second derivatives.
TensorForm maps_of(const DeviceSettings& settings);
TensorForm wide_maps_of(const DeviceSettings& settings);

/// Those that draw random numbers too.
struct ComputeSettings : DeviceSettings {
  std::int64_t seed = 0;
};
void describe(ComputeSettings& settings, SettingVisitor& visitor,
              const std::vector<Named<NumberFormat>>& formats = kNumberFormats);

/// Programs that write a folder only where one is named.
struct NewFolderSettings {
  std::string out = {};  ///< empty: none
  bool overwrite = false;
};
void describe(NewFolderSettings& settings, SettingVisitor& visitor);

/// Programs that write a run folder.
struct FolderSettings : NewFolderSettings {  ///< `out` empty: a name of its own below runs/
  std::string resume = {};                   ///< empty: a new run
  bool dry_run = false;
};
void describe(FolderSettings& settings, SettingVisitor& visitor);

/// --profile (profile_report.h).
void describe_profile(bool& profile, SettingVisitor& visitor);

/// Programs that train for epochs (training/training_run.h).
struct RunSettings {
  ComputeSettings compute = {};
  bool profile = false;
  FolderSettings folder = {};
  std::int64_t save_every = 100;       ///< steps; 0: by epochs and the clock alone
  std::int64_t save_every_epochs = 1;  ///< the end of a run is always saved
  double save_every_minutes = 0.0;     ///< 0: by steps and epochs alone
  std::int64_t keep_every = 0;         ///< epochs; 0: no checkpoint is kept but the last and the best
  bool tensorboard = false;
  bool graph = true;  ///< a device's steps are recorded once and done again
};
void describe(RunSettings& settings, SettingVisitor& visitor);

/// Programs that look at images; datasets.h opens what they name.
struct DatasetSettings {
  std::string dataset = "shapes";
  std::string folder;            ///< empty: none is needed, or missing
  std::int64_t image_size = 0;   ///< 0: the images' own
  std::int64_t eval_resize = 0;  ///< 0: as image_size
  std::string on_bad_image = "fail";
  std::int64_t image_channels = 3;  ///< this and the next two: of records
  std::int64_t classes = 0;         ///< 0: as classes.txt says
  std::int64_t label_bytes = 1;
};
void describe(DatasetSettings& settings, SettingVisitor& visitor);

/// What images are normalised by: constants of their data set, those of ImageNet, or nothing: pixels are 0 to 1 then.
enum class NormaliseBy { kOwn, kImageNet, kNone };

/// Programs that train or evaluate.
struct DataSettings {
  DatasetSettings images = {};
  std::int64_t train_size = 0;  ///< 0: all
  std::int64_t valid_size = 0;
  std::int64_t test_size = 0;  ///< 0: all
  NormaliseBy normalisation = NormaliseBy::kOwn;
};
void describe(DataSettings& settings, SettingVisitor& visitor);

}  // namespace ockham::apps
