#include "data/augment.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "data/philox.h"

namespace ockham::data {
namespace {

/// The random choices for one image.
struct Draw {
  std::int64_t dy, dx;  // window's corner relative to the image's, -pad to pad
  bool flip;
  std::int64_t cut_y, cut_x;  // centre of the cutout square
};

Draw draw(const Transform& transform, const ImageShape& shape, AugmentAddress address) {
  Stream random(address.seed, Purpose::kAugment, address.epoch, address.image);
  const auto pad = static_cast<int>(transform.pad);
  Draw draw{};
  draw.dy = random.between(-pad, pad);
  draw.dx = random.between(-pad, pad);
  draw.flip = random.below(2) == 1 && transform.flip;
  if (transform.alternates)
    draw.flip =
        transform.flip && (Stream(address.seed, Purpose::kFlip, 0, address.image).below(2) + address.epoch) % 2 == 1;
  draw.cut_y = random.below(static_cast<std::uint32_t>(shape.height));
  draw.cut_x = random.below(static_cast<std::uint32_t>(shape.width));
  return draw;
}

void check(const Transform& transform, const ImageShape& shape, std::size_t pixels, std::size_t out) {
  if (std::cmp_not_equal(pixels, shape.count()) || std::cmp_not_equal(out, shape.count()) || shape.channels > 3)
    throw std::invalid_argument("augment: an image of " + std::to_string(shape.channels) + "x" +
                                std::to_string(shape.height) + "x" + std::to_string(shape.width) + " from " +
                                std::to_string(pixels) + " bytes into " + std::to_string(out) +
                                " floats; all three sizes must agree, with at most 3 channels.");
  if (transform.pad < 0 || transform.pad > 1024 || transform.cutout < 0)
    throw std::invalid_argument("augment: pad " + std::to_string(transform.pad) + ", cutout " +
                                std::to_string(transform.cutout) + "; pad is 0 to 1024, cutout not negative.");
}

/// One row of the result: `count` pixels of `in` scaled into `out`, black outside of them, mirrored where asked.
void write_row(const std::uint8_t* in, std::int64_t width, std::int64_t dx, bool flip, float scale, float shift,
               float* out) {
  const std::int64_t begin = std::clamp<std::int64_t>(-dx, 0, width),
                     end = std::clamp<std::int64_t>(width - dx, 0, width);
  std::fill(out, out + begin, shift);
  for (std::int64_t x = begin; x < end; ++x)
    out[x] = static_cast<float>(in[x + dx]) * scale + shift;
  std::fill(out + std::max(begin, end), out + width, shift);
  if (flip)
    std::reverse(out, out + width);
}

void cut_square(std::int64_t side, const Draw& draw, const ImageShape& shape, std::span<float> out) {
  const std::int64_t top = std::max<std::int64_t>(0, draw.cut_y - side / 2);
  const std::int64_t bottom = std::min(shape.height, draw.cut_y + side / 2);
  const std::int64_t left = std::max<std::int64_t>(0, draw.cut_x - side / 2);
  const std::int64_t right = std::min(shape.width, draw.cut_x + side / 2);
  for (std::int64_t c = 0; c < shape.channels; ++c) {
    for (std::int64_t y = top; y < bottom; ++y) {
      float* row = out.data() + (c * shape.height + y) * shape.width;
      std::fill(row + left, row + right, 0.0f);
    }
  }
}

}  // namespace

void augment(const Transform& transform, const ImageShape& shape, AugmentAddress address,
             std::span<const std::uint8_t> pixels, std::span<float> out) {
  check(transform, shape, pixels.size(), out.size());
  const auto [channels, height, width] = shape;
  const Draw choice = draw(transform, shape, address);
  std::vector<std::uint8_t> changed;
  if (transform.colour != ColourJitter{}) {
    Stream random(address.seed, Purpose::kColour, address.epoch, address.image);
    changed.assign(pixels.begin(), pixels.end());
    change_colours(draw_change(transform.colour, random), shape, changed);
    pixels = changed;
  }
  for (std::int64_t c = 0; c < channels; ++c) {
    const auto channel = static_cast<std::size_t>(c);
    const float std = transform.normalisation.std[channel];
    const float scale = 1.0f / (255.0f * std);
    const float shift = -transform.normalisation.mean[channel] / std;
    for (std::int64_t y = 0; y < height; ++y) {
      const std::int64_t from = y + choice.dy;
      float* row = out.data() + (c * height + y) * width;
      if (from < 0 || from >= height)
        std::fill(row, row + width, shift);
      else
        write_row(pixels.data() + (c * height + from) * width, width, choice.dx, choice.flip, scale, shift, row);
    }
  }
  cut_square(transform.cutout, choice, shape, out);
}

}  // namespace ockham::data
