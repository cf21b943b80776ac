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

/// @throws std::invalid_argument for a part that is empty or not within a picture of this shape
void require_within(const Box& part, const ImageShape& shape);

/// @throws as require_within()
[[nodiscard]] Picture crop(const Picture& picture, const Box& part);

/// The square that is cut from the middle of a picture whose shorter side was resized (image/resize.h).
struct Fit {
  std::int64_t side = 0;
  std::int64_t shorter = side;  ///< what the shorter side becomes first, at least `side`
  bool operator==(const Fit&) const = default;
};

/// torchvision's Resize(fit.shorter) and CenterCrop(fit.side), byte for byte, with its rounding of sizes and corners.
[[nodiscard]] Picture fit_square(const Picture& picture, const Fit& fit);

/// The same data set with every image passed through fit_square(); `base` itself where that changes nothing.
[[nodiscard]] DatasetPtr with_fit(DatasetPtr base, const Fit& fit);

}  // namespace ockham::data
