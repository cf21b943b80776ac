#pragma once
#include "data/image/picture.h"

namespace ockham::data {

/// Resizes as Pillow's Image.resize(size, BILINEAR) does, byte for byte: a triangle filter that widens when shrinking,
/// coefficients in 22-bit fixed point, rows first, rounded and clipped to bytes between the two passes, so that the
/// bytes are the same on every machine. Source: Pillow 12, src/libImaging/Resample.c (Pillow 13 filters columns first
/// where the height shrinks much more than the width, which may change a value by 1)
[[nodiscard]] Picture resize(const Picture& picture, std::int64_t height, std::int64_t width);

/// crop(resize(picture, height, width), part), at the cost of the part.
/// @throws std::invalid_argument for a part that is empty or not within the resized picture
[[nodiscard]] Picture resize_part(const Picture& picture, std::int64_t height, std::int64_t width, const Box& part);

}  // namespace ockham::data
