#pragma once
// What `ockham-dataset verify` and `sample` do.
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/augment.h"
#include "data/registry.h"

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
  std::optional<Normalisation> normalisation = {};  ///< its own, published or measured (normalisation.h)
};

/// Tells about a data set; without reading images that must be decoded, so that those are not measured.
[[nodiscard]] SplitReport describe(const Dataset& dataset, Split split);

struct VerifyReport {
  std::vector<SplitReport> splits;  ///< training, validation where the data set has such a part, test
  /// One line for each official archive lying in `dir`: does its size and MD5 equal the published one? A packed copy
  /// from elsewhere may differ and still hold the right data.
  std::vector<std::string> archives;

  /// Can every picture that is there be read? If not, LeftOut::bad_images has the others.
  [[nodiscard]] bool is_sound() const;
};

/// Reads every record and picture of all splits and checks structure, labels and official archives. Measures the
/// training images.
/// @param options but for `broken`: bad pictures are counted
/// @throws std::invalid_argument for impossible options,
///         DataError where the structure itself is wrong (truncated file, label out of range), as open() does
VerifyReport verify(std::string_view name, const std::filesystem::path& dir, OpenOptions options = {});

/// Writes a PNG with `columns` images a row, two pixels apart: a contact sheet to look at.
/// @param transform what is done to the images, but for its normalisation
/// @throws std::out_of_range for a wrong index, std::invalid_argument for none or more than 100 million pixels,
///         DataError for a broken picture, std::runtime_error if the file cannot be written
void write_sample(const DatasetPtr& dataset, std::span<const std::int64_t> indices, std::int64_t columns,
                  const std::filesystem::path& path, Transform transform = {}, std::uint64_t seed = 0);

}  // namespace ockham::data
