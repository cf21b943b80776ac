#pragma once
// Pictures of any size: decoding, resizing, and making them the one size that a network takes.
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "data/dataset.h"

namespace ockham::data {

/// A picture in planes, [channels, height, width].
struct Picture {
  ImageShape shape;
  std::vector<uint8_t> pixels;
};

/// Decodes JPEG (baseline, progressive, gray, CMYK) or PNG, told apart by content whatever the file's name, to 3
/// channels. EXIF orientation is ignored, as torchvision does. At most 100 million pixels, sides 1:100. Other formats
/// are left out because stb_image fills what is cut off from them with anything.
/// @throws DataError beginning with `name` if the bytes are no such picture or cut off
Picture decode_picture(std::string_view name, std::span<const uint8_t> bytes);

/// Resizes with a triangle filter that widens when shrinking ("bilinear" of Pillow, whose 8-bit results this equals
/// when it too filters rows first): coefficients in 22-bit fixed point, so the bytes are the same on every machine.
[[nodiscard]] Picture resize(const Picture& picture, int64_t height, int64_t width);

/// Resizes so that the shorter side is `side` (torchvision's rounding), then cuts the central square.
[[nodiscard]] Picture fit_square(const Picture& picture, int64_t side);

/// The same data set with every image passed through fit_square(); `base` itself if it has that size already.
[[nodiscard]] DatasetPtr with_image_size(DatasetPtr base, int64_t side);

}  // namespace ockham::data
