#include "data/image/decode.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "data/error.h"
#include "data/image/decoders.h"

namespace ockham::data {
namespace {

constexpr std::int64_t kPixelLimit = 100'000'000;
constexpr std::int64_t kAspectLimit =
    100;  // a strip one pixel high would grow without bound when its short side is resized
constexpr std::size_t kByteLimit = std::size_t{1} << 30;

/// Both decoders refuse what the check finds, so that no file is sound in one build and broken in another.
Picture decode_jpeg(std::string_view name, std::span<const std::uint8_t> bytes) {
  if (const std::string fault = jpeg_fault(bytes); !fault.empty())
    refuse(name, bytes, fault);
#ifdef OCKHAM_LIBJPEG
  return decode_with_libjpeg(name, bytes);
#else
  return decode_with_stb(name, bytes);
#endif
}

Picture decode_png(std::string_view name, std::span<const std::uint8_t> bytes) {
  if (const std::string fault = png_fault(bytes); !fault.empty())
    refuse(name, bytes, fault);
  return decode_with_stb(name, bytes);
}

}  // namespace

std::string jpeg_decoder() {
#ifdef OCKHAM_LIBJPEG
  return "libjpeg";
#else
  return "stb_image";
#endif
}

PictureFormat format_of(std::span<const std::uint8_t> first_bytes) {
  const auto begins_with = [&](std::span<const std::uint8_t> signature) {
    return first_bytes.size() >= signature.size() && std::ranges::equal(signature, first_bytes.first(signature.size()));
  };
  constexpr std::array<std::uint8_t, 3> jpeg{0xFF, 0xD8, 0xFF};
  constexpr std::array<std::uint8_t, kSignatureBytes> png{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  return begins_with(jpeg) ? PictureFormat::kJpeg : begins_with(png) ? PictureFormat::kPng : PictureFormat::kNone;
}

std::string no_picture(std::string_view name, std::uint64_t bytes, std::span<const std::uint8_t> first_bytes) {
  std::string text = std::string(name) + " is not a JPEG or PNG picture: ";
  if (bytes == 0)
    return text + "it has 0 bytes";
  text += "its " + std::to_string(bytes) + " bytes begin with '";
  for (std::uint8_t byte : first_bytes.first(std::min(first_bytes.size(), kBeginning)))
    text += std::isprint(byte) != 0 ? static_cast<char>(byte) : '.';  // shows a web page or a pointer of git-lfs
  return text + "'";
}

Picture decode_picture(std::string_view name, std::span<const std::uint8_t> bytes) {
  if (bytes.size() > kByteLimit)
    throw DataError(std::string(name) + " has " + std::to_string(bytes.size()) +
                    " bytes; a picture has at most 1073741824.");
  switch (format_of(bytes)) {
    case PictureFormat::kJpeg:
      return decode_jpeg(name, bytes);
    case PictureFormat::kPng:
      return decode_png(name, bytes);
    case PictureFormat::kNone:
      break;
  }
  throw DataError(no_picture(name, bytes.size(), bytes) + ".");
}

void check_size(std::string_view name, std::int64_t width, std::int64_t height, std::size_t bytes,
                std::int64_t pixels_per_byte) {
  const std::string size = std::to_string(width) + "x" + std::to_string(height) + " pixels";
  if (width * height > kPixelLimit || std::max(width, height) > kAspectLimit * std::min(width, height))
    throw DataError(std::string(name) + " is " + size +
                    "; accepted are 100 million in all and sides 1:100 at most. Scale it down or remove it.");
  if (width * height > pixels_per_byte * static_cast<std::int64_t>(bytes))
    throw DataError(std::string(name) + " (" + std::to_string(bytes) + " bytes) cannot hold the " + size +
                    " that it announces; it is damaged or cut off, fetch it again.");
}

void refuse(std::string_view name, std::span<const std::uint8_t> bytes, std::string_view reason) {
  throw DataError(std::string(name) + " (" + std::to_string(bytes.size()) +
                  " bytes) cannot be decoded: " + std::string(reason) + "; it is damaged or cut off, fetch it again.");
}

}  // namespace ockham::data
