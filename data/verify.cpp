#include "data/verify.h"

#include <algorithm>
#include <stdexcept>

#include "data/archive.h"
#include "data/digest.h"
#include "data/file.h"
#include "data/registry.h"

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb_image_write.h>
#pragma GCC diagnostic pop

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

/// A sheet in stb_image_write's order: rows of pixels of `channels` bytes.
struct Sheet {
  std::int64_t height, width, channels;
  std::vector<std::uint8_t> bytes;

  void place(const ImageShape& shape, std::span<const std::uint8_t> pixels, std::int64_t top, std::int64_t left) {
    for (std::int64_t i = 0; i < shape.count(); ++i) {
      const std::int64_t c = i / (shape.height * shape.width), y = i / shape.width % shape.height, x = i % shape.width;
      bytes[static_cast<std::size_t>(((top + y) * width + left + x) * channels + c)] =
          pixels[static_cast<std::size_t>(i)];
    }
  }
};

void append(void* context, void* data, int size) {
  auto& png = *static_cast<std::vector<std::uint8_t>*>(context);
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  png.insert(png.end(), bytes, bytes + size);
}

}  // namespace

SplitReport describe(const Dataset& dataset, Split split) {
  return {.split = split,
          .images = dataset.size(),
          .shape = dataset.shape(),
          .class_names = dataset.class_names(),
          .label_counts = label_counts(dataset),
          .digest = dataset.digest(),
          .left_out = dataset.left_out()};
}

bool VerifyReport::is_sound() const {
  return std::ranges::all_of(splits, [](const SplitReport& split) { return split.left_out.bad_images.empty(); });
}

VerifyReport verify(std::string_view name, const std::filesystem::path& dir, std::int64_t image_size) {
  VerifyReport result;
  for (const Split split : {Split::kTrain, Split::kValid, Split::kTest})
    if (const DatasetPtr part = open(name, dir, split, {.image_size = image_size, .broken = Broken::kSkip}))
      result.splits.push_back(describe(*part, split));
  for (const ArchiveFile& official : official_files(name)) {
    const std::filesystem::path path = dir / official.name();
    if (std::filesystem::is_regular_file(path))
      result.archives.push_back(compare(official, path));
  }
  return result;
}

void write_sample(const Dataset& dataset, std::span<const std::int64_t> indices, std::int64_t columns,
                  const std::filesystem::path& path) {
  const ImageShape& shape = dataset.shape();
  const std::int64_t rows = columns < 1 ? 0 : (std::ssize(indices) + columns - 1) / columns;
  Sheet sheet{rows * (shape.height + kGap), columns * (shape.width + kGap), shape.channels, {}};
  if (rows < 1 || sheet.height * sheet.width > 100'000'000)
    throw std::invalid_argument("sample: " + std::to_string(indices.size()) + " images in " + std::to_string(columns) +
                                " columns; a sheet has at least one of each and at most 100 million pixels.");
  sheet.bytes.assign(static_cast<std::size_t>(sheet.height * sheet.width * sheet.channels), 255);
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(shape.count()));
  for (std::int64_t i = 0; i < std::ssize(indices); ++i) {
    dataset.read(indices[static_cast<std::size_t>(i)], pixels);
    sheet.place(shape, pixels, i / columns * (shape.height + kGap), i % columns * (shape.width + kGap));
  }
  std::vector<std::uint8_t> png;
  stbi_write_png_to_func(append, &png, static_cast<int>(sheet.width), static_cast<int>(sheet.height),
                         static_cast<int>(sheet.channels), sheet.bytes.data(), 0);
  write_file(path, png);
}

}  // namespace ockham::data
