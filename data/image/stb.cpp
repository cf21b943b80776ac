#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <vector>

#include "data/image/decode.h"
#include "data/image/decoders.h"

namespace {

/// Zeroed, because stb_image decodes with tables and pixels that a file never defined as if they were there: the same
/// file must give the same pixels. Bounded, because a few kilobytes can inflate to any size.
void* allocate(size_t bytes) {
  return bytes > ockham::data::kDecoderBytes ? nullptr : std::calloc(1, bytes);
}

void* reallocate(void* old, size_t bytes) {
  return bytes > ockham::data::kDecoderBytes ? nullptr : std::realloc(old, bytes);
}

}  // namespace

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_STDIO
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_FAILURE_USERMSG
#define STBI_ASSERT(condition)  // what it asserts is true of sound files only; others are refused a little later
#define STBI_MALLOC(bytes) allocate(bytes)
#define STBI_REALLOC(old, bytes) reallocate(old, bytes)
#define STBI_FREE(old) std::free(old)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb_image.h>
#pragma GCC diagnostic pop

namespace ockham::data {
namespace {

struct FreePixels {
  void operator()(stbi_uc* pixels) const { stbi_image_free(pixels); }
};

constexpr size_t kPaletteColours = 256;

/// Where the chunk of colours of a PNG begins, and how many it holds; {0, 0} if there is none.
struct Palette {
  size_t at = 0, colours = 0;
};

Palette find_palette(std::span<const uint8_t> png) {
  size_t at = kSignatureBytes;
  while (at + 12 <= png.size()) {
    const size_t length = size_t{png[at]} << 24 | size_t{png[at + 1]} << 16 | size_t{png[at + 2]} << 8 | png[at + 3];
    constexpr std::array<uint8_t, 4> kType{'P', 'L', 'T', 'E'};
    if (std::ranges::equal(png.subspan(at + 4, 4), kType))
      return {at, length / 3};
    at += 12 + std::min(length, png.size());
  }
  return {};
}

/// The file with black for the colours that its palette lacks, as libpng has it: stb_image reads them off its stack.
std::vector<uint8_t> with_whole_palette(std::span<const uint8_t> png, Palette palette) {
  std::vector<uint8_t> whole(png.begin(), png.end());
  constexpr size_t kLength = 3 * kPaletteColours;
  whole[palette.at + 2] = kLength >> 8;
  whole[palette.at + 3] = kLength & 0xFF;
  const size_t end = palette.at + 8 + 3 * palette.colours;
  whole.insert(whole.begin() + static_cast<std::ptrdiff_t>(end), kLength - 3 * palette.colours, 0);
  return whole;
}

}  // namespace

Picture decode_with_stb(std::string_view name, std::span<const uint8_t> bytes) {
  std::span<const uint8_t> input = bytes;
  std::vector<uint8_t> padded;
  const bool is_png = format_of(bytes) == PictureFormat::kPng;
  if (const Palette palette = find_palette(bytes); is_png && palette.at > 0 && palette.colours < kPaletteColours)
    input = padded = with_whole_palette(bytes, palette);
  const int length = static_cast<int>(input.size());
  int width = 0, height = 0, channels = 0;
  if (stbi_info_from_memory(input.data(), length, &width, &height, &channels) == 0)
    refuse(name, bytes, stbi_failure_reason());
  check_size(name, width, height, bytes.size(), is_png ? kPngPixelsPerByte : kJpegPixelsPerByte);
  const std::unique_ptr<stbi_uc, FreePixels> pixels(
      stbi_load_from_memory(input.data(), length, &width, &height, &channels, 3));
  if (pixels == nullptr)
    refuse(name, bytes, stbi_failure_reason());
  Picture picture{{3, height, width}, {}};
  const int64_t plane = int64_t{height} * width;
  picture.pixels.resize(static_cast<size_t>(3 * plane));
  for (int64_t i = 0; i < 3 * plane; ++i)
    picture.pixels[static_cast<size_t>(i % 3 * plane + i / 3)] = pixels.get()[i];
  return picture;
}

}  // namespace ockham::data
