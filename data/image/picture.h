#pragma once
// Pictures of any size, and making them the one size that a network takes.
#include <cstdint>
#include <vector>

#include "data/dataset.h"

namespace ockham::data {

/// A picture in planes, [channels, height, width].
struct Picture {
  ImageShape shape;
  std::vector<std::uint8_t> pixels;
};

/// Resizes with a triangle filter that widens when shrinking ("bilinear" of Pillow, whose 8-bit results this equals
/// when it too filters rows first): coefficients in 22-bit fixed point, so the bytes are the same on every machine.
[[nodiscard]] Picture resize(const Picture& picture, std::int64_t height, std::int64_t width);

/// @throws std::invalid_argument for a part that is empty or not within the picture
[[nodiscard]] Picture crop(const Picture& picture, const Box& box);

/// Resizes so that the shorter side is `side` (torchvision's rounding), then cuts the central square.
[[nodiscard]] Picture fit_square(const Picture& picture, std::int64_t side);

/// The same data set with every image passed through fit_square(); `base` itself if it has that size already.
[[nodiscard]] DatasetPtr with_image_size(DatasetPtr base, std::int64_t side);

/// The same data set with the central square of every image; `side` is at most its images' height and width.
[[nodiscard]] DatasetPtr with_central_square(DatasetPtr base, std::int64_t side);

}  // namespace ockham::data
