#include "data/resized_crop.h"

#include <cmath>

namespace ockham::data {
namespace {

constexpr double kLeastArea = 0.08;
constexpr double kLeastRatio = 3.0 / 4.0, kMostRatio = 4.0 / 3.0;  // width by height
constexpr int kDraws = 10;

double uniform_in(Stream& random, double low, double high) {
  return low + (high - low) * static_cast<double>(random.next()) / 4294967296.0;
}

Box central_box(const ImageShape& picture) {
  const auto height = static_cast<double>(picture.height), width = static_cast<double>(picture.width);
  Box box{0, 0, picture.height, picture.width};
  if (width / height < kLeastRatio)
    box.height = std::lrint(width / kLeastRatio);
  else if (width / height > kMostRatio)
    box.width = std::lrint(height * kMostRatio);
  box.top = (picture.height - box.height) / 2;
  box.left = (picture.width - box.width) / 2;
  return box;
}

}  // namespace

Box draw_box(const ImageShape& picture, Stream& random) {
  const auto area = static_cast<double>(picture.height * picture.width);
  for (int i = 0; i < kDraws; ++i) {
    const double target = area * uniform_in(random, kLeastArea, 1.0);
    const double ratio = std::exp(uniform_in(random, std::log(kLeastRatio), std::log(kMostRatio)));
    const std::int64_t width = std::lrint(std::sqrt(target * ratio)), height = std::lrint(std::sqrt(target / ratio));
    if (width < 1 || height < 1 || width > picture.width || height > picture.height)
      continue;
    const std::int64_t top = random.below(static_cast<std::uint32_t>(picture.height - height + 1));
    const std::int64_t left = random.below(static_cast<std::uint32_t>(picture.width - width + 1));
    return {top, left, height, width};
  }
  return central_box(picture);
}

}  // namespace ockham::data
