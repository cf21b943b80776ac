#include "data/verify.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "data/archive.h"
#include "data/cores.h"
#include "data/digest.h"
#include "data/file.h"
#include "data/image/encode.h"
#include "data/loader.h"
#include "data/normalisation.h"
#include "data/subset.h"

namespace ockham::data {
namespace {

constexpr std::int64_t kGap = 2;  // pixels between the images of a contact sheet

/// One line: does this file equal the one that was published?
std::string compare(const ArchiveFile& official, const std::filesystem::path& path) {
  const std::vector<std::uint8_t> bytes = read_file("verify", path, std::uint64_t{1} << 30);
  Digest digest(Digest::Kind::kMd5);
  digest.add(bytes);
  const std::string md5 = digest.hex();
  const bool same = std::ssize(bytes) == official.bytes && md5 == official.md5;
  return path.filename().string() + ": " + std::to_string(bytes.size()) + " bytes, MD5 " + md5 +
         (same ? ", the official file"
               : "; the official file has " + std::to_string(official.bytes) + " bytes, MD5 " +
                     std::string(official.md5));
}

/// Copies pixels, 0 to 1, to a place of the sheet.
void place(Picture& sheet, const ImageShape& shape, std::span<const float> pixels, std::int64_t top,
           std::int64_t left) {
  for (std::int64_t c = 0; c < shape.channels; ++c) {
    for (std::int64_t y = 0; y < shape.height; ++y) {
      const auto row = pixels.begin() + (c * shape.height + y) * shape.width;
      std::transform(row, row + shape.width,
                     sheet.pixels.begin() + (c * sheet.shape.height + top + y) * sheet.shape.width + left,
                     [](float pixel) { return static_cast<std::uint8_t>(std::lrint(pixel * 255)); });
    }
  }
}

/// Published or measured, where the latter takes no decoding.
std::optional<Normalisation> own_normalisation(const Dataset& dataset) {
  if (!is_measured(dataset.name()))
    return dataset.normalisation();
  return dataset.is_decoded() ? std::nullopt : std::optional(measure(dataset));
}

}  // namespace

SplitReport describe(const Dataset& dataset, Split split) {
  return {.split = split,
          .images = dataset.size(),
          .shape = dataset.shape(),
          .class_names = dataset.class_names(),
          .label_counts = label_counts(dataset),
          .digest = dataset.digest(),
          .left_out = dataset.left_out(),
          .normalisation = own_normalisation(dataset)};
}

bool VerifyReport::is_sound() const {
  return std::ranges::all_of(splits, [](const SplitReport& split) { return split.left_out.bad_images.empty(); });
}

VerifyReport verify(std::string_view name, const std::filesystem::path& dir, OpenOptions options) {
  options.broken = Broken::kSkip;
  VerifyReport result;
  for (const Split split : {Split::kTrain, Split::kValid, Split::kTest}) {
    if (const DatasetPtr part = open(name, dir, split, options)) {
      result.splits.push_back(describe(*part, split));
      if (split == Split::kTrain && part->is_decoded())
        result.splits.back().normalisation = measure(*part);
    }
  }
  for (const ArchiveFile& official : official_files(name)) {
    const std::filesystem::path path = dir / official.name();
    if (std::filesystem::is_regular_file(path))
      result.archives.push_back(compare(official, path));
  }
  return result;
}

void write_sample(const DatasetPtr& dataset, std::span<const std::int64_t> indices, std::int64_t columns,
                  const std::filesystem::path& path, Transform transform, std::uint64_t seed) {
  const ImageShape& shape = dataset->shape();
  const std::int64_t rows = columns < 1 ? 0 : (std::ssize(indices) + columns - 1) / columns;
  Picture sheet{{shape.channels, rows * (shape.height + kGap), columns * (shape.width + kGap)}, {}};
  if (rows < 1 || sheet.shape.height * sheet.shape.width > 100'000'000)
    throw std::invalid_argument("sample: " + std::to_string(indices.size()) + " images in " + std::to_string(columns) +
                                " columns; a sheet has at least one of each and at most 100 million pixels.");
  sheet.pixels.assign(static_cast<std::size_t>(sheet.shape.count()), 255);
  transform.normalisation = {};
  Loader loader(make_subset(dataset, {indices.begin(), indices.end()}), transform,
                {.batch_size = columns, .shuffle = false, .seed = seed, .threads = core_count()});
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::optional<Batch> batch = loader.next();
    for (std::int64_t i = 0; i < batch->n; ++i)
      place(sheet, shape, std::span(batch->images).subspan(static_cast<std::size_t>(i * shape.count())),
            row * (shape.height + kGap), i * (shape.width + kGap));
  }
  write_file(path, encode_png(sheet));
}

}  // namespace ockham::data
