#include "data/colour.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace ockham::data {
namespace {

std::uint8_t clipped(double value) {
  return static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0));
}

/// from + factor (to - from), cut to whole numbers as Pillow's blend does.
std::uint8_t blended(int from, int to, float factor) {
  return clipped(static_cast<double>(static_cast<float>(from) + factor * static_cast<float>(to - from)));
}

/// Pillow's luma.
int grey_of(int r, int g, int b) {
  return (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;
}

struct Planes {
  std::span<std::uint8_t> pixels;
  std::size_t count;  // of a plane
  std::size_t channels;

  int grey(std::size_t i) const {
    return channels == 3 ? grey_of(pixels[i], pixels[count + i], pixels[2 * count + i]) : pixels[i];
  }
  /// Every value goes from toward(i), of its pixel, by the factor.
  template <class Toward>
  void blend(double factor, Toward&& toward) const {
    for (std::size_t i = 0; i < count; ++i) {
      const int from = toward(i);
      for (std::size_t c = 0; c < channels; ++c)
        pixels[c * count + i] = blended(from, pixels[c * count + i], static_cast<float>(factor));
    }
  }
};

void change_contrast(const Planes& p, double factor) {
  double sum = 0;
  for (std::size_t i = 0; i < p.count; ++i)
    sum += p.grey(i);
  const int mean = static_cast<int>(sum / static_cast<double>(p.count) + 0.5);
  p.blend(factor, [&](std::size_t) { return mean; });
}

/// In [0, 255] each, as Pillow's mode HSV.
struct Hsv {
  std::uint8_t h, s, v;
};

Hsv hsv_of(int r, int g, int b) {
  const int high = std::max({r, g, b}), low = std::min({r, g, b});
  if (high == low)
    return {0, 0, static_cast<std::uint8_t>(high)};
  const auto range = static_cast<float>(high - low);
  const float rc = static_cast<float>(high - r) / range;
  const float gc = static_cast<float>(high - g) / range;
  const float bc = static_cast<float>(high - b) / range;
  const double sixths = r == high   ? static_cast<double>(bc - gc)
                        : g == high ? 2.0 + static_cast<double>(rc) - static_cast<double>(bc)
                                    : 4.0 + static_cast<double>(gc) - static_cast<double>(rc);
  const auto h = static_cast<float>(std::fmod(static_cast<double>(static_cast<float>(sixths)) / 6.0 + 1.0, 1.0));
  const float s = range / static_cast<float>(high);
  return {clipped(static_cast<double>(h) * 255.0), clipped(static_cast<double>(s) * 255.0),
          static_cast<std::uint8_t>(high)};
}

std::array<std::uint8_t, 3> rgb_of(const Hsv& c) {
  if (c.s == 0)
    return {c.v, c.v, c.v};
  const double sixths = static_cast<double>(c.h) * 6.0 / 255.0;
  const int sector = static_cast<int>(std::floor(sixths));
  const double f = sixths - sector, s = static_cast<double>(c.s) / 255.0, v = c.v;
  const std::uint8_t p = clipped(std::round(v * (1.0 - s)));
  const std::uint8_t q = clipped(std::round(v * (1.0 - s * f)));
  const std::uint8_t t = clipped(std::round(v * (1.0 - s * (1.0 - f))));
  switch (sector % 6) {
    case 0:
      return {c.v, t, p};
    case 1:
      return {q, c.v, p};
    case 2:
      return {p, c.v, t};
    case 3:
      return {p, q, c.v};
    case 4:
      return {t, p, c.v};
    default:
      return {c.v, p, q};
  }
}

void turn_hue(const Planes& p, double hue) {
  const auto turn = static_cast<std::uint8_t>(static_cast<int>(hue * 255.0));  // modulo 256
  for (std::size_t i = 0; i < p.count; ++i) {
    Hsv colour = hsv_of(p.pixels[i], p.pixels[p.count + i], p.pixels[2 * p.count + i]);
    colour.h = static_cast<std::uint8_t>(colour.h + turn);
    const auto rgb = rgb_of(colour);
    for (std::size_t c = 0; c < 3; ++c)
      p.pixels[c * p.count + i] = rgb.at(c);
  }
}

double uniform(Stream& random, double low, double high) {
  return low + (high - low) * static_cast<double>(random.next()) / 4294967296.0;
}

}  // namespace

ColourChange draw_change(const ColourJitter& jitter, Stream& random) {
  ColourChange change;
  for (std::uint32_t i = 4; i > 1; --i)
    std::swap(change.order.at(i - 1), change.order.at(random.below(i)));
  const auto factor = [&](double range) { return uniform(random, std::max(0.0, 1.0 - range), 1.0 + range); };
  change.brightness = factor(jitter.brightness);
  change.contrast = factor(jitter.contrast);
  change.saturation = factor(jitter.saturation);
  change.hue = uniform(random, -jitter.hue, jitter.hue);
  return change;
}

void change_colours(const ColourChange& change, const ImageShape& shape, std::span<std::uint8_t> pixels) {
  const Planes planes{pixels, static_cast<std::size_t>(shape.height * shape.width),
                      static_cast<std::size_t>(shape.channels)};
  for (ColourChange::Step step : change.order) {
    if (step == ColourChange::kBrightness && change.brightness != 1.0)
      planes.blend(change.brightness, [](std::size_t) { return 0; });
    else if (step == ColourChange::kContrast && change.contrast != 1.0)
      change_contrast(planes, change.contrast);
    else if (step == ColourChange::kSaturation && change.saturation != 1.0 && shape.channels == 3)
      planes.blend(change.saturation, [&](std::size_t i) { return planes.grey(i); });
    else if (step == ColourChange::kHue && change.hue != 0.0 && shape.channels == 3)
      turn_hue(planes, change.hue);
  }
}

}  // namespace ockham::data
