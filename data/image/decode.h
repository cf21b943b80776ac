#pragma once
// From the bytes of a picture file to pixels.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "data/image/picture.h"

namespace ockham::data {

enum class PictureFormat { kNone, kJpeg, kPng };

/// Bytes that format_of() wants to see, and those that no_picture() shows.
inline constexpr std::size_t kSignatureBytes = 8, kBeginning = 16;

/// What the first bytes of a file say it is, whatever its name.
[[nodiscard]] PictureFormat format_of(std::span<const std::uint8_t> first_bytes);

/// Says that `name`, a file of so many bytes that begin so, is neither format; no full stop at the end.
[[nodiscard]] std::string no_picture(std::string_view name, std::uint64_t bytes,
                                     std::span<const std::uint8_t> first_bytes);

/// Decodes JPEG (8 bits, Huffman-coded: baseline or progressive; gray, RGB, CMYK, YCCK) or PNG, told apart by content,
/// to 3 channels. EXIF orientation is ignored, as torchvision does; CMYK is taken as inverted, as Pillow and Adobe do.
/// At most 100 million pixels, sides 1:100, 100 scans. What is missing is an error, not gray (but for data within a
/// scan where stb_image decodes JPEG).
/// @throws DataError beginning with `name` if the bytes are no such picture, damaged or cut off
Picture decode_picture(std::string_view name, std::span<const std::uint8_t> bytes);

/// What decodes JPEG in this build, for people: pixels differ by a few levels from one decoder to another.
[[nodiscard]] std::string jpeg_decoder();

}  // namespace ockham::data
