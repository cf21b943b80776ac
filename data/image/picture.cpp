#include "data/image/picture.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "data/digest.h"
#include "data/image/resize.h"
#include "data/view.h"

namespace ockham::data {
namespace {

/// A length scaled, cut off to whole pixels; the corner of a middle part, half to even: as torchvision has them.
std::int64_t scaled(std::int64_t length, std::int64_t numerator, std::int64_t denominator) {
  return numerator * length / denominator;
}
std::int64_t central_corner(std::int64_t whole, std::int64_t part) {
  return static_cast<std::int64_t>(std::nearbyint(static_cast<double>(whole - part) / 2));
}

class Fitted : public View {
 public:
  Fitted(DatasetPtr base, const Fit& fit)
      : View(std::move(base),
             [&](Description& description) { description.shape.height = description.shape.width = fit.side; }),
        fit_(fit) {}
  [[nodiscard]] std::string digest() const override {
    Digest digest;
    digest.add(base().digest() + " resized " + std::to_string(fit_.shorter) +
               (fit_.shorter == fit_.side ? "" : " centre " + std::to_string(fit_.side)));
    return digest.hex();
  }

 private:
  void read_at(std::int64_t index, std::span<std::uint8_t> pixels) const override {
    Picture picture{base().shape(), std::vector<std::uint8_t>(static_cast<std::size_t>(base().shape().count()))};
    base().read(index, picture.pixels);
    std::ranges::copy(fit_square(picture, fit_).pixels, pixels.begin());
  }

  Fit fit_;
};

}  // namespace

void require_within(const Box& part, const ImageShape& shape) {
  if (part.top < 0 || part.left < 0 || part.height < 1 || part.width < 1 || part.top + part.height > shape.height ||
      part.left + part.width > shape.width)
    throw std::invalid_argument("crop: a part of " + std::to_string(part.height) + "x" + std::to_string(part.width) +
                                " at (" + std::to_string(part.top) + ", " + std::to_string(part.left) +
                                ") is not within a picture of " + std::to_string(shape.height) + "x" +
                                std::to_string(shape.width) + ".");
}

Picture crop(const Picture& picture, const Box& part) {
  const auto [channels, height, width] = picture.shape;
  require_within(part, picture.shape);
  Picture out{{channels, part.height, part.width}, {}};
  out.pixels.reserve(static_cast<std::size_t>(out.shape.count()));
  for (std::int64_t row = 0; row < channels * part.height; ++row) {
    const std::int64_t from = (row / part.height * height + part.top + row % part.height) * width + part.left;
    out.pixels.insert(out.pixels.end(), picture.pixels.begin() + from, picture.pixels.begin() + from + part.width);
  }
  return out;
}

Picture fit_square(const Picture& picture, const Fit& fit) {
  const auto [channels, height, width] = picture.shape;
  const std::int64_t shorter = std::min(height, width);
  const std::int64_t new_height = scaled(height, fit.shorter, shorter), new_width = scaled(width, fit.shorter, shorter);
  const Box middle{central_corner(new_height, fit.side), central_corner(new_width, fit.side), fit.side, fit.side};
  return shorter == fit.shorter ? crop(picture, middle) : resize_part(picture, new_height, new_width, middle);
}

DatasetPtr with_fit(DatasetPtr base, const Fit& fit) {
  const ImageShape& shape = base->shape();
  if (fit.shorter == fit.side && shape.height == fit.side && shape.width == fit.side)
    return base;
  return std::make_shared<Fitted>(std::move(base), fit);
}

}  // namespace ockham::data
