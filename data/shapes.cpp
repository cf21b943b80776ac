#include "data/shapes.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <stdexcept>

#include "data/digest.h"
#include "data/philox.h"

namespace ockham::data {
namespace {

const std::vector<std::string> kNames{"disc",  "ring", "square",   "frame",   "triangle",
                                      "cross", "star", "crescent", "stripes", "checker"};

// Figures are given in their own frame, where they about fill the unit circle, in 12-bit fixed point.
constexpr int kOne = 1 << 12;
constexpr int fixed(double x) {
  return static_cast<int>(x * kOne);
}

int floor_div(int a, int b) {
  return a >= 0 ? a / b : -((b - 1 - a) / b);
}

/// Five-pointed star: inside at least four of the five half-planes that its edges bound.
bool in_star(int u, int v) {
  constexpr std::array<std::array<int, 2>, 5> normals{{{fixed(0), fixed(1)},
                                                       {fixed(0.951057), fixed(0.309017)},
                                                       {fixed(0.587785), fixed(-0.809017)},
                                                       {fixed(-0.587785), fixed(-0.809017)},
                                                       {fixed(-0.951057), fixed(0.309017)}}};
  int inside = 0;
  for (const auto& [a, b] : normals)
    inside += (a * u + b * v) / kOne < fixed(0.38);
  return inside >= 4;
}

bool in_figure(int label, int u, int v) {
  const int r2 = (u * u + v * v) / kOne;
  const int wide = std::max(std::abs(u), std::abs(v)), narrow = std::min(std::abs(u), std::abs(v));
  switch (label) {
    case 0:
      return r2 < fixed(0.92);
    case 1:
      return r2 < kOne && r2 > fixed(0.36);
    case 2:
      return wide < fixed(0.85);
    case 3:
      return wide < fixed(0.9) && wide > fixed(0.52);
    case 4:
      return v > fixed(-0.6) && v + std::abs(u) * 7 / 4 < fixed(1.2);
    case 5:
      return wide < kOne && narrow < fixed(0.3);
    case 6:
      return in_star(u, v);
    case 7: {
      const int du = u - fixed(0.55);
      return r2 < kOne && (du * du + v * v) / kOne > fixed(0.64);
    }
    case 8:
      return wide < fixed(0.95) && (floor_div(u, fixed(0.38)) & 1) == 0;
    default:
      return wide < fixed(0.95) && ((floor_div(u, fixed(0.475)) + floor_div(v, fixed(0.475))) & 1) == 0;
  }
}

using Colour = std::array<int, 3>;

/// Where and how a figure lies: lengths in quarter pixels.
struct Pose {
  int x, y, radius;
  int cos, sin;  // 12-bit fixed point
};

/// A turn by up to about a tenth of a circle to either side: (1-t^2, 2t) / (1+t^2) lies on the unit circle exactly, so
/// no library sine can differ between machines.
Pose draw_pose(Stream& random, int size) {
  const int t = random.between(-256, 256);  // of 1024
  const int norm = 1024 * 1024 + t * t;
  const int cos = static_cast<int>(std::int64_t{1024 * 1024 - t * t} * kOne / norm);
  const int sin = static_cast<int>(std::int64_t{2048} * t * kOne / norm);
  const int radius = random.between(size * 4 * 26 / 100, size * 4 * 40 / 100);
  const int x = random.between(radius, size * 4 - radius), y = random.between(radius, size * 4 - radius);
  return {x, y, radius, cos, sin};
}

/// An image in the making: colours may leave 0..255 until it is finished.
class Canvas {
 public:
  Canvas(int size, Stream& random) : size_(size), random_(random), values_(static_cast<std::size_t>(3 * size * size)) {}

  /// A ground of colour `base` with soft random spots of up to +-`depth` (values at a coarse grid, interpolated).
  void mottle(const Colour& base, int depth) {
    constexpr int cells = 4;
    for (int c = 0; c < 3; ++c) {
      std::array<std::array<int, cells + 1>, cells + 1> grid{};
      for (auto& row : grid) {
        for (int& value : row)
          value = base[static_cast<std::size_t>(c)] + random_.between(-depth, depth);
      }
      for (int y = 0; y < size_; ++y) {
        for (int x = 0; x < size_; ++x)
          at(c, y, x) = interpolate(grid, x * cells, y * cells);
      }
    }
  }

  /// Paints a figure; each pixel is covered by 0 to 4 of its quarters.
  void paint(int label, const Pose& pose, const Colour& colour) {
    const int reach = pose.radius * 3 / 2;
    const int top = std::max(0, (pose.y - reach) / 4), bottom = std::min(size_ - 1, (pose.y + reach) / 4);
    const int left = std::max(0, (pose.x - reach) / 4), right = std::min(size_ - 1, (pose.x + reach) / 4);
    for (int y = top; y <= bottom; ++y) {
      for (int x = left; x <= right; ++x) {
        const int cover = quarters_inside(label, pose, 4 * x, 4 * y);
        for (int c = 0; c < 3; ++c) {
          int& value = at(c, y, x);
          value += (colour[static_cast<std::size_t>(c)] - value) * cover / 4;
        }
      }
    }
  }

  /// Adds noise of up to +-`depth` (two uniform numbers from one byte pair) and writes bytes.
  void finish(int depth, std::span<std::uint8_t> pixels) {
    for (std::size_t i = 0; i < values_.size(); i += 2) {
      const std::uint32_t bits = random_.next();
      for (std::size_t k = i; k < std::min(i + 2, values_.size()); ++k) {
        const auto pair = static_cast<int>(bits >> (k - i) * 16);
        const int noise = ((pair & 255) + (pair >> 8 & 255) - 255) * depth / 256;
        pixels[k] = static_cast<std::uint8_t>(std::clamp(values_[k] + noise, 0, 255));
      }
    }
  }

 private:
  int& at(int c, int y, int x) { return values_[static_cast<std::size_t>(std::int64_t{c * size_ + y} * size_ + x)]; }

  template <class Grid>
  [[nodiscard]] int interpolate(const Grid& grid, int x, int y) const {
    const auto row = static_cast<std::size_t>(y / size_), column = static_cast<std::size_t>(x / size_);
    const int fy = y % size_, fx = x % size_;
    const int above = grid[row][column] * (size_ - fx) + grid[row][column + 1] * fx;
    const int below = grid[row + 1][column] * (size_ - fx) + grid[row + 1][column + 1] * fx;
    return (above * (size_ - fy) + below * fy) / (size_ * size_);
  }

  static int quarters_inside(int label, const Pose& pose, int x, int y) {
    int inside = 0;
    for (int dy : {1, 3}) {
      for (int dx : {1, 3}) {
        const int px = x + dx - pose.x, py = y + dy - pose.y;
        const int u = (pose.cos * px + pose.sin * py) / pose.radius;
        const int v = (pose.cos * py - pose.sin * px) / pose.radius;
        inside += in_figure(label, u, v);
      }
    }
    return inside;
  }

  int size_;
  Stream& random_;
  std::vector<int> values_;  // [3, size, size]
};

/// A colour that differs from `base` by 50 to 110 in every channel: brighter in all of them or darker in all.
Colour contrasting(Colour base, Stream& random) {
  const int sign = random.below(2) == 0 ? 1 : -1;
  for (int& channel : base)
    channel += sign * random.between(50, 110);
  return base;
}

class Shapes : public Dataset {
 public:
  Shapes(Split split, const ShapesOptions& options)
      : Dataset({"shapes",
                 kNames,
                 {3, options.image_size, options.image_size},
                 split == Split::kTrain ? options.train_size : options.test_size}),
        purpose_(split == Split::kTrain ? Purpose::kShapesTrain : Purpose::kShapesTest),
        seed_(options.seed) {}

  [[nodiscard]] std::string digest() const override {
    Digest digest;
    digest.add("shapes 1 seed " + std::to_string(seed_) + " stream " + std::to_string(static_cast<int>(purpose_)) +
               " size " + std::to_string(shape().height) + " images " + std::to_string(size()));
    return digest.hex();
  }

 private:
  [[nodiscard]] int label_at(std::int64_t index) const override { return static_cast<int>(index % classes()); }

  void read_at(std::int64_t index, std::span<std::uint8_t> pixels) const override {
    Stream random(seed_, purpose_, 0, static_cast<std::uint32_t>(index));
    const auto side = static_cast<int>(shape().height);
    Colour base{};
    for (int& channel : base)
      channel = random.between(80, 175);
    Canvas canvas(side, random);
    canvas.mottle(base, random.between(10, 35));
    for (int clutter = random.between(1, 4); clutter > 0; --clutter) {
      Pose pose = draw_pose(random, side);
      pose.radius = std::max(4, pose.radius / random.between(4, 6));
      pose.x = random.between(0, side * 4);
      pose.y = random.between(0, side * 4);
      // Random numbers are drawn one statement after the other: compilers differ in the order of arguments.
      const Colour colour = contrasting(base, random);
      canvas.paint(random.below(2) == 0 ? 0 : 2, pose, colour);
    }
    const Colour colour = contrasting(base, random);
    canvas.paint(label_at(index), draw_pose(random, side), colour);
    canvas.finish(30, pixels);
  }

  Purpose purpose_;
  std::uint64_t seed_;
};

}  // namespace

DatasetPtr open_shapes(Split split, const ShapesOptions& options) {
  const std::int64_t size = split == Split::kTrain ? options.train_size : options.test_size;
  if (options.image_size < 8 || options.image_size > 256 || size < 1)
    throw std::invalid_argument("shapes: " + std::to_string(size) + " images of side " +
                                std::to_string(options.image_size) +
                                "; at least 1 image and sides 8 to 256 can be drawn.");
  return std::make_shared<Shapes>(split, options);
}

}  // namespace ockham::data
