#include "data/image/picture.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "data/digest.h"

namespace ockham::data {
namespace {

constexpr int kFractionBits = 22;

/// One output sample as a weighted run of input samples.
struct Tap {
  std::int64_t first;
  std::vector<std::int32_t> weights;
};

std::int64_t round_half_up(double x) {
  return static_cast<std::int64_t>(std::floor(x + 0.5));
}

std::vector<Tap> triangle_taps(std::int64_t in, std::int64_t out) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double radius = std::max(scale, 1.0);
  std::vector<Tap> taps;
  for (std::int64_t i = 0; i < out; ++i) {
    const double center = (static_cast<double>(i) + 0.5) * scale;
    const auto first = std::max<std::int64_t>(0, round_half_up(center - radius));
    const auto last = std::min(in, round_half_up(center + radius));
    std::vector<double> weights;
    double sum = 0;
    for (std::int64_t j = first; j < last; ++j) {
      weights.push_back(std::max(0.0, 1 - std::abs((static_cast<double>(j) - center + 0.5) / radius)));
      sum += weights.back();
    }
    Tap tap{first, {}};
    for (double weight : weights)
      tap.weights.push_back(static_cast<std::int32_t>(round_half_up(weight / sum * (1 << kFractionBits))));
    taps.push_back(std::move(tap));
  }
  return taps;
}

/// Filters `lines` lines of samples `stride` apart, lines `line_stride` apart, into out [taps, lines] alike.
struct Axis {
  std::int64_t lines, line_stride, stride;
};

void filter(const std::uint8_t* in, Axis from, const std::vector<Tap>& taps, std::uint8_t* out, Axis to) {
  for (std::int64_t line = 0; line < from.lines; ++line) {
    for (std::size_t i = 0; i < taps.size(); ++i) {
      const std::uint8_t* sample = in + line * from.line_stride + taps[i].first * from.stride;
      std::int32_t sum = 1 << (kFractionBits - 1);
      for (std::int32_t weight : taps[i].weights) {
        sum += weight * *sample;
        sample += from.stride;
      }
      out[line * to.line_stride + static_cast<std::int64_t>(i) * to.stride] =
          static_cast<std::uint8_t>(std::clamp(sum >> kFractionBits, 0, 255));
    }
  }
}

Picture crop_center(const Picture& picture, std::int64_t side) {
  const auto [channels, height, width] = picture.shape;
  const auto top = static_cast<std::int64_t>(std::nearbyint(static_cast<double>(height - side) / 2));
  const auto left = static_cast<std::int64_t>(std::nearbyint(static_cast<double>(width - side) / 2));
  return crop(picture, {top, left, side, side});
}

/// Images of another one, passed through a function of a picture and a side.
class Resized : public Dataset {
 public:
  using Make = Picture (*)(const Picture&, std::int64_t side);
  Resized(DatasetPtr base, std::int64_t side, Make make, std::string word)
      : Dataset(
            {base->name(), base->class_names(), {base->shape().channels, side, side}, base->size(), base->left_out()}),
        base_(std::move(base)),
        make_(make),
        word_(std::move(word)) {}
  [[nodiscard]] std::string digest() const override {
    Digest digest;
    digest.add(base_->digest() + ' ' + word_ + ' ' + std::to_string(shape().height));
    return digest.hex();
  }

 private:
  [[nodiscard]] int label_at(std::int64_t index) const override { return base_->label(index); }
  void read_at(std::int64_t index, std::span<std::uint8_t> pixels) const override {
    Picture picture{base_->shape(), std::vector<std::uint8_t>(static_cast<std::size_t>(base_->shape().count()))};
    base_->read(index, picture.pixels);
    std::ranges::copy(make_(picture, shape().height).pixels, pixels.begin());
  }
  void read_box_at(std::int64_t index, const std::function<Box(const ImageShape&)>& choose, std::int64_t side,
                   std::span<std::uint8_t> pixels) const override {
    base_->read_box(index, choose, side, pixels);
  }

  DatasetPtr base_;
  Make make_;
  std::string word_;  // of the digest
};

}  // namespace

Picture crop(const Picture& picture, const Box& box) {
  const auto [channels, height, width] = picture.shape;
  if (box.top < 0 || box.left < 0 || box.height < 1 || box.width < 1 || box.top + box.height > height ||
      box.left + box.width > width)
    throw std::invalid_argument("crop: a part of " + std::to_string(box.height) + "x" + std::to_string(box.width) +
                                " at (" + std::to_string(box.top) + ", " + std::to_string(box.left) +
                                ") is not within a picture of " + std::to_string(height) + "x" + std::to_string(width) +
                                ".");
  Picture out{{channels, box.height, box.width}, {}};
  out.pixels.reserve(static_cast<std::size_t>(out.shape.count()));
  for (std::int64_t row = 0; row < channels * box.height; ++row) {
    const std::int64_t from = (row / box.height * height + box.top + row % box.height) * width + box.left;
    out.pixels.insert(out.pixels.end(), picture.pixels.begin() + from, picture.pixels.begin() + from + box.width);
  }
  return out;
}

Picture resize(const Picture& picture, std::int64_t height, std::int64_t width) {
  const auto [channels, old_height, old_width] = picture.shape;
  Picture wide{{channels, old_height, width}, {}};
  wide.pixels.resize(static_cast<std::size_t>(wide.shape.count()));
  filter(picture.pixels.data(), {channels * old_height, old_width, 1}, triangle_taps(old_width, width),
         wide.pixels.data(), {channels * old_height, width, 1});
  Picture out{{channels, height, width}, {}};
  out.pixels.resize(static_cast<std::size_t>(out.shape.count()));
  const std::vector<Tap> taps = triangle_taps(old_height, height);
  for (std::int64_t c = 0; c < channels; ++c)
    filter(wide.pixels.data() + c * old_height * width, {width, 1, width}, taps, out.pixels.data() + c * height * width,
           {width, 1, width});
  return out;
}

Picture fit_square(const Picture& picture, std::int64_t side) {
  const auto [channels, height, width] = picture.shape;
  if (std::min(height, width) == side)
    return crop_center(picture, side);
  const std::int64_t new_height = height <= width ? side : side * height / width;
  const std::int64_t new_width = width <= height ? side : side * width / height;
  return crop_center(resize(picture, new_height, new_width), side);
}

DatasetPtr with_image_size(DatasetPtr base, std::int64_t side) {
  const ImageShape& shape = base->shape();
  if (shape.height == side && shape.width == side)
    return base;
  return std::make_shared<Resized>(std::move(base), side, fit_square, "resized");
}

DatasetPtr with_central_square(DatasetPtr base, std::int64_t side) {
  const ImageShape& shape = base->shape();
  if (shape.height == side && shape.width == side)
    return base;
  return std::make_shared<Resized>(std::move(base), side, crop_center, "centre");
}

}  // namespace ockham::data
