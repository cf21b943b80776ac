#include "data/image/resize.h"

#include <algorithm>
#include <cmath>

namespace ockham::data {
namespace {

constexpr int kFractionBits = 32 - 8 - 2;
constexpr std::int32_t kHalf = 1 << (kFractionBits - 1);

/// One output sample: a run of input samples, with weights.
struct Tap {
  std::int64_t first;
  std::vector<std::int32_t> weights;
};

/// The taps of the output samples [begin, begin + count) of `out`. HAZARD: Pillow's expressions in Pillow's order,
/// since a last bit of a double may decide the last bit of a weight.
std::vector<Tap> triangle_taps(std::int64_t in, std::int64_t out, std::int64_t begin, std::int64_t count) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double support = std::max(scale, 1.0), inverse = 1.0 / support;
  std::vector<Tap> taps;
  std::vector<double> weights;
  for (std::int64_t i = begin; i < begin + count; ++i) {
    const double center = (static_cast<double>(i) + 0.5) * scale;
    const auto first = std::max<std::int64_t>(0, static_cast<std::int64_t>(center - support + 0.5));
    const auto last = std::min(in, static_cast<std::int64_t>(center + support + 0.5));
    weights.clear();
    double sum = 0;
    for (std::int64_t j = 0; j < last - first; ++j) {
      const double distance = std::abs((static_cast<double>(j + first) - center + 0.5) * inverse);
      weights.push_back(distance < 1.0 ? 1.0 - distance : 0.0);
      sum += weights.back();
    }
    Tap tap{first, {}};
    for (const double weight : weights)
      tap.weights.push_back(static_cast<std::int32_t>(0.5 + weight / sum * (1 << kFractionBits)));
    taps.push_back(std::move(tap));
  }
  return taps;
}

std::uint8_t to_byte(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kFractionBits, 0, 255));
}

void filter_row(const std::uint8_t* in, const std::vector<Tap>& taps, std::uint8_t* out) {
  for (const Tap& tap : taps) {
    const std::uint8_t* sample = in + tap.first;
    std::int32_t sum = kHalf;
    for (const std::int32_t weight : tap.weights)
      sum += weight * *sample++;
    *out++ = to_byte(sum);
  }
}

/// Row `out` from rows of `in`, each sums.size() wide.
void filter_column(const std::uint8_t* in, const Tap& tap, std::vector<std::int32_t>& sums, std::uint8_t* out) {
  std::ranges::fill(sums, kHalf);
  const std::uint8_t* sample = in;
  for (const std::int32_t weight : tap.weights)
    for (std::int32_t& sum : sums)
      sum += weight * *sample++;
  std::ranges::transform(sums, out, to_byte);
}

}  // namespace

Picture resize(const Picture& picture, std::int64_t height, std::int64_t width) {
  return resize_part(picture, height, width, {0, 0, height, width});
}

Picture resize_part(const Picture& picture, std::int64_t height, std::int64_t width, const Box& part) {
  const auto [channels, old_height, old_width] = picture.shape;
  require_within(part, {channels, height, width});
  const std::vector<Tap> across = triangle_taps(old_width, width, part.left, part.width);
  const std::vector<Tap> down = triangle_taps(old_height, height, part.top, part.height);
  const std::int64_t first_row = down.front().first;
  const std::int64_t rows = down.back().first + std::ssize(down.back().weights) - first_row;
  std::vector<std::uint8_t> narrow(static_cast<std::size_t>(rows * part.width));  // one channel after the first pass
  std::vector<std::int32_t> sums(static_cast<std::size_t>(part.width));
  Picture out{{channels, part.height, part.width}, {}};
  out.pixels.resize(static_cast<std::size_t>(out.shape.count()));
  std::uint8_t* to = out.pixels.data();
  for (std::int64_t c = 0; c < channels; ++c) {
    const std::uint8_t* from = picture.pixels.data() + (c * old_height + first_row) * old_width;
    for (std::int64_t y = 0; y < rows; ++y)
      filter_row(from + y * old_width, across, narrow.data() + y * part.width);
    for (const Tap& tap : down) {
      filter_column(narrow.data() + (tap.first - first_row) * part.width, tap, sums, to);
      to += part.width;
    }
  }
  return out;
}

}  // namespace ockham::data
