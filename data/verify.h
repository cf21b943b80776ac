#pragma once
// What `ockham-dataset verify` and `sample` do.
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.h"

namespace ockham::data {

/// What was found in one split of a data set.
struct SplitReport {
  Split split = Split::kTrain;
  std::int64_t images = 0;
  ImageShape shape;
  std::vector<std::string> class_names;
  std::vector<std::int64_t> label_counts;  ///< in label order
  std::string digest;                      ///< Dataset::digest()
  LeftOut left_out;
};

/// Tells about a data set without reading its images.
[[nodiscard]] SplitReport describe(const Dataset& dataset, Split split);

struct VerifyReport {
  std::vector<SplitReport> splits;  ///< training, validation where the data set has such a part, test
  /// One line for each official archive lying in `dir`: does its size and MD5 equal the published one? A packed copy
  /// from elsewhere may differ and still hold the right data.
  std::vector<std::string> archives;

  /// Can every picture that is there be read? If not, LeftOut::bad_images has the others.
  [[nodiscard]] bool is_sound() const;
};

/// Reads every record and picture of all splits and checks structure, labels and official archives.
/// @param image_size as in OpenOptions
/// @throws std::invalid_argument for an impossible image size,
///         DataError where the structure itself is wrong (truncated file, label out of range), as open() does
VerifyReport verify(std::string_view name, const std::filesystem::path& dir, std::int64_t image_size = 0);

/// Writes a PNG with `columns` images a row, two pixels apart: a contact sheet to look at.
/// @throws std::out_of_range for a wrong index, std::invalid_argument for no index or more than 100 million pixels,
///         DataError for a broken picture, std::runtime_error if the file cannot be written
void write_sample(const Dataset& dataset, std::span<const std::int64_t> indices, std::int64_t columns,
                  const std::filesystem::path& path);

}  // namespace ockham::data
