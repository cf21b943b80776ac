#pragma once
#include <array>
#include <filesystem>
#include <string_view>

#include "data/dataset.h"
#include "data/folder.h"

namespace ockham::data {

/// Names that open() takes, as on the command line.
inline constexpr std::array<std::string_view, 6> kDatasetNames{"shapes", "cifar10", "cifar100",
                                                               "mnist",  "folder",  "records"};

struct OpenOptions {
  std::int64_t image_size = 0;    ///< side of the square images; 0: the data set's own (folder: 224)
  std::int64_t shorter_side = 0;  ///< what the shorter side of a picture becomes before they are cut; 0: image_size
  Broken broken = Broken::kFail;
  /// Of records alone, whose images have image_size.
  std::int64_t channels = 3, classes = 0, label_bytes = 1;
};

/// Opens a data set by name. `dir` is unused for shapes.
/// @return null for kValid unless it is a folder (folder.h) or records (records.h) with a validation and a test part
/// @throws std::invalid_argument for an unknown name or sizes outside 8 to 1024 or a shorter side below the image size,
///         DataError for missing or bad files, with the official archive's address, size and MD5
DatasetPtr open(std::string_view name, const std::filesystem::path& dir, Split split, const OpenOptions& options = {});

}  // namespace ockham::data
