#include <cstdlib>
#include <memory>
#include <optional>
#include <vector>

#include "data/image/decode.h"
#include "data/image/decoders.h"

namespace {

/// Zeroed, because stb_image decodes with tables and pixels that a file never defined as if they were there: the same
/// file must give the same pixels. Bounded, because a few kilobytes can inflate to any size.
void* allocate(std::size_t bytes) {
  return bytes > ockham::data::kDecoderBytes ? nullptr : std::calloc(1, bytes);
}

void* reallocate(void* old, std::size_t bytes) {
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

/// The file with black for the colours that its palette lacks, as libpng has it: stb_image reads them off its stack.
std::vector<std::uint8_t> with_whole_palette(std::span<const std::uint8_t> png) {
  constexpr std::size_t kWhole = 3 * 256;
  std::vector<std::uint8_t> copy(png.begin(), png.end());
  std::size_t at = kSignatureBytes;
  for (std::optional<PngChunk> chunk; (chunk = png_chunk(png, at)) && chunk->type != "IEND"; at += chunk->whole.size())
    if (const std::size_t length = chunk->data.size(); chunk->type == "PLTE" && length < kWhole) {
      copy[at + 2] = kWhole >> 8;
      copy[at + 3] = kWhole & 0xFF;
      copy.insert(copy.begin() + static_cast<std::ptrdiff_t>(at + 8 + length), kWhole - length, 0);
      break;  // stb_image reads a second one over the first
    }
  return copy;
}

}  // namespace

Picture decode_with_stb(std::string_view name, std::span<const std::uint8_t> bytes) {
  const bool is_png = format_of(bytes) == PictureFormat::kPng;
  const std::vector<std::uint8_t> padded = is_png ? with_whole_palette(bytes) : std::vector<std::uint8_t>();
  const std::span<const std::uint8_t> input = is_png ? padded : bytes;
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
  const std::int64_t plane = std::int64_t{height} * width;
  picture.pixels.resize(static_cast<std::size_t>(3 * plane));
  for (std::int64_t i = 0; i < 3 * plane; ++i)
    picture.pixels[static_cast<std::size_t>(i % 3 * plane + i / 3)] = pixels.get()[i];
  return picture;
}

}  // namespace ockham::data
