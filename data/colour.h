#pragma once
// Random changes of brightness, contrast, saturation and hue ("colour jitter"), with the 8-bit results of Pillow and
// torchvision. Krizhevsky, Sutskever, Hinton 2012 change colours so; Howard 2013 (arXiv:1312.5402) these.
#include <array>
#include <cstdint>
#include <span>

#include "data/dataset.h"
#include "data/philox.h"

namespace ockham::data {

/// How far factors may go from 1, and the hue, as a fraction of the circle, from where it is. ImageNet: 0.4, 0.4, 0.4,
/// 0.2. All 0: colours stay.
struct ColourJitter {
  double brightness = 0;
  double contrast = 0;
  double saturation = 0;
  double hue = 0;
  bool operator==(const ColourJitter&) const = default;
};

/// One choice of the four, and in which order they are applied.
struct ColourChange {
  enum Step { kBrightness, kContrast, kSaturation, kHue };
  std::array<Step, 4> order{kBrightness, kContrast, kSaturation, kHue};
  double brightness = 1;
  double contrast = 1;
  double saturation = 1;
  double hue = 0;  ///< -1/2 to 1/2
};

/// Factors uniform in [max(0, 1 - x), 1 + x], the hue in [-x, x], in random order.
[[nodiscard]] ColourChange draw_change(const ColourJitter& jitter, Stream& random);

/// @param pixels [channels, height, width]; saturation and hue leave pictures of other than 3 channels as they are
void change_colours(const ColourChange& change, const ImageShape& shape, std::span<std::uint8_t> pixels);

}  // namespace ockham::data
