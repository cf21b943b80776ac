#pragma once
#include <array>
#include <filesystem>
#include <string_view>

#include "data/dataset.h"
#include "data/folder.h"

namespace ockham::data {

/// Names that open() takes, as on the command line.
inline constexpr std::array<std::string_view, 5> kDatasetNames{"shapes", "cifar10", "cifar100", "mnist", "folder"};

struct OpenOptions {
  std::int64_t image_size = 0;  ///< side of the square images; 0: the data set's own (folder: 224)
  Broken broken = Broken::kFail;
};

/// Opens a data set by name. `dir` is unused for shapes.
/// @return null for kValid unless it is a folder with a validation and a test part (folder.h)
/// @throws std::invalid_argument for an unknown name or an image size outside 8 to 1024,
///         DataError for missing or bad files, with the official archive's address, size and MD5
DatasetPtr open(std::string_view name, const std::filesystem::path& dir, Split split, const OpenOptions& options = {});

}  // namespace ockham::data
