#include "ops/max_pool2d/max_pool2d.h"

#include <array>
#include <limits>

#include "autograd/op_classes.h"
#include "autograd/registry.h"
#include "engine/parallel.h"
#include "engine/simd.h"
#include "ops/pool.h"

namespace ockham {
namespace {

// The position of a maximum in its window must fit into a byte.
constexpr std::int64_t kLargestKernel = 15;

/// Replaces best by x where that is larger (or NaN), and remembers the tap. Written without branches, which would
/// often be guessed wrong.
template <class T>
OCKHAM_CLONES void take_larger(std::int64_t count, const T* x, std::uint8_t tap, T* best, std::uint8_t* taps) {
  for (std::int64_t i = 0; i < count; ++i) {
    const T value = x[i];
    const T old = best[i];
    const std::uint8_t old_tap = taps[i];
    const bool is_larger = static_cast<bool>((value > old) | (value != value));
    best[i] = is_larger ? value : old;
    taps[i] = is_larger ? tap : old_tap;
  }
}

/// Finds the maxima of one plane after another. Pads the plane and takes every tap for all positions in one long loop,
/// stride or not: short rows would leave the vector units idle. Padding, being -inf, is never larger.
template <class T>
class MaximaFinder {
 public:
  explicit MaximaFinder(const cpu::PoolPlane& plane)
      : plane_(plane),
        width_(plane.W + 2 * plane.window.pad),
        padded_(static_cast<std::size_t>((plane.H + 2 * plane.window.pad) * width_), kLowest),
        best_(padded_.size()),
        taps_(padded_.size()),
        first_taps_(padded_.size()) {
    // The first tap inside the plane is the choice where all of them are -inf.
    const auto [kernel, stride, pad] = plane.window;
    for (std::size_t i = 0; i < first_taps_.size(); ++i) {
      const auto at = static_cast<std::int64_t>(i);
      first_taps_[i] = static_cast<std::uint8_t>(std::max<std::int64_t>(0, pad - at / width_) * kernel +
                                                 std::max<std::int64_t>(0, pad - at % width_));
    }
  }

  void find(const T* x, T* y, std::uint8_t* taps) {
    const auto [kernel, stride, pad] = plane_.window;
    for (std::int64_t h = 0; h < plane_.H; ++h)
      std::copy_n(x + h * plane_.W, plane_.W, padded_.data() + (h + pad) * width_ + pad);
    std::ranges::fill(best_, kLowest);
    std::ranges::copy(first_taps_, taps_.begin());
    for (std::int64_t tap = 0; tap < kernel * kernel; ++tap) {
      const std::int64_t shift = tap / kernel * width_ + tap % kernel;
      take_larger(std::ssize(padded_) - shift, padded_.data() + shift, static_cast<std::uint8_t>(tap), best_.data(),
                  taps_.data());
    }
    for (std::int64_t p = 0; p < plane_.P; ++p) {
      const std::int64_t row = p * stride * width_;
      for (std::int64_t q = 0; q < plane_.Q; ++q, ++y, ++taps) {
        *y = best_[static_cast<std::size_t>(row + q * stride)];
        *taps = taps_[static_cast<std::size_t>(row + q * stride)];
      }
    }
  }

 private:
  static constexpr T kLowest = -std::numeric_limits<T>::infinity();
  const cpu::PoolPlane plane_;
  const std::int64_t width_;
  std::vector<T> padded_, best_;
  std::vector<std::uint8_t> taps_, first_taps_;
};

/// Calls body(i, at) for every output i of a plane and the element at that it chose.
template <class Body>
void for_chosen(const cpu::PoolPlane& plane, const std::uint8_t* taps, Body body) {
  const auto [kernel, stride, pad] = plane.window;
  std::array<std::int64_t, kLargestKernel * kLargestKernel> offsets;
  for (std::int64_t tap = 0; tap < kernel * kernel; ++tap)
    offsets[static_cast<std::size_t>(tap)] = tap / kernel * plane.W + tap % kernel;
  for (std::int64_t p = 0, i = 0; p < plane.P; ++p) {
    for (std::int64_t q = 0; q < plane.Q; ++q, ++i)
      body(i, (p * stride - pad) * plane.W + q * stride - pad + offsets[taps[i]]);
  }
}

class MaxPool2d : public LinearOp {
 public:
  explicit MaxPool2d(const MaxPool2dAttrs& attrs) : window_{attrs.kernel, attrs.stride, attrs.pad} {}

  std::string_view name() const override { return "max_pool2d"; }
  std::string attrs() const override {
    return concat("kernel=", window_.kernel, " stride=", window_.stride, " pad=", window_.pad);
  }
  Smoothness smoothness() const override { return Smoothness::kPiecewise; }

  std::vector<Spec> infer(std::span<const Spec> x) const override {
    const Shape y = infer_pool(*this, x, window_);
    if (window_.kernel > kLargestKernel)
      throw ShapeError(concat(describe(*this, x), ": kernel must be at most ", kLargestKernel, "."));
    return {{y, x[0].dtype}};
  }

  void forward(Inputs x, Outputs y, Saved& saved) const override {
    Tensor taps(y[0].shape(), DType::kUInt8);
    const cpu::PoolPlane plane(window_, x[0].shape(), y[0].shape());
    visit_float(x[0].dtype(), name(), [&]<class T>() {
      parallel_for(x[0].size(0) * x[0].size(1), grain_of(plane), [&](std::int64_t begin, std::int64_t end) {
        MaximaFinder<T> finder(plane);
        for (std::int64_t i = begin; i < end; ++i)
          finder.find(x[0].data<T>() + i * plane.H * plane.W, y[0].data<T>() + i * plane.P * plane.Q,
                      taps.data<std::uint8_t>() + i * plane.P * plane.Q);
      });
    });
    saved.keep(taps);
  }

  /// J o J = J: the entries are 0 and 1.
  void recursion(const Saved& saved, const RecursionRules&, Inputs, Inputs h_y,
                 std::span<GradSlot> h_x) const override {
    if (h_x[0])
      transpose(saved, 1, h_y[0], h_x[0]);
  }

 protected:
  void apply(const Saved& saved, std::int64_t, const Tensor& x, Tensor& y) const override {
    for_planes(x, y, [&]<class T>(const cpu::PoolPlane& plane, std::int64_t i) {
      const T* from = x.data<T>() + i * plane.H * plane.W;
      T* to = y.data<T>() + i * plane.P * plane.Q;
      for_chosen(plane, taps_of(saved, plane, i), [&](std::int64_t out, std::int64_t at) { to[out] = from[at]; });
    });
  }

  void transpose(const Saved& saved, std::int64_t, const Tensor& y_bar, GradSlot x_bar) const override {
    for_planes(*x_bar.dst, y_bar, [&]<class T>(const cpu::PoolPlane& plane, std::int64_t i) {
      const T* from = y_bar.data<T>() + i * plane.P * plane.Q;
      T* to = x_bar.dst->data<T>() + i * plane.H * plane.W;
      if (!x_bar.accumulate)
        std::fill_n(to, plane.H * plane.W, T(0));
      for_chosen(plane, taps_of(saved, plane, i), [&](std::int64_t out, std::int64_t at) { to[at] += from[out]; });
    });
  }

 private:
  /// Plane i of any direction chose as the plane of the one forward pass did.
  static const std::uint8_t* taps_of(const Saved& saved, const cpu::PoolPlane& plane, std::int64_t i) {
    return saved[0].data<std::uint8_t>() + i * plane.P * plane.Q % saved[0].numel();
  }

  static std::int64_t grain_of(const cpu::PoolPlane& plane) { return cpu::plane_grain(plane.H * plane.W); }

  template <class Body>
  void for_planes(const Tensor& x, const Tensor& y, Body body) const {
    const cpu::PoolPlane plane(window_, x.shape(), y.shape());
    visit_float(x.dtype(), name(), [&]<class T>() {
      parallel_for(x.size(0) * x.size(1), grain_of(plane), [&](auto begin, auto end) {
        for (std::int64_t i = begin; i < end; ++i)
          body.template operator()<T>(plane, i);
      });
    });
  }

  const PoolWindow window_;
};

std::vector<Tensor> reference(Inputs x, const MaxPool2dAttrs& a) {
  const std::int64_t H = x[0].size(2);
  const std::int64_t W = x[0].size(3);
  const std::int64_t P = (H + 2 * a.pad - a.kernel) / a.stride + 1;
  const std::int64_t Q = (W + 2 * a.pad - a.kernel) / a.stride + 1;
  Tensor y = Tensor::full({x[0].size(0), x[0].size(1), P, Q}, -1e300, DType::kFloat64);
  for (std::int64_t i = 0; i < y.numel(); ++i) {
    for (std::int64_t h = 0; h < H; ++h) {
      for (std::int64_t w = 0; w < W; ++w) {
        const std::int64_t r = h + a.pad - i / Q % P * a.stride;
        const std::int64_t s = w + a.pad - i % Q * a.stride;
        if (r >= 0 && r < a.kernel && s >= 0 && s < a.kernel)
          y.data<double>()[i] = std::max(y.data<double>()[i], x[0].data<double>()[(i / (P * Q) * H + h) * W + w]);
      }
    }
  }
  return {y};
}

auto maker(const MaxPool2dAttrs& attrs) {
  return [=] { return std::make_unique<MaxPool2d>(attrs); };
}

OpSample sample(const char* name, const Shape& x, const MaxPool2dAttrs& attrs) {
  return {.name = name,
          .make = maker(attrs),
          .inputs = {{.shape = x, .draw = Draw::kSeparated}},
          .reference = [=](Inputs in) { return reference(in, attrs); },
          .has_recursion = true};
}

const Spec kX{{2, 3, 6, 5}, DType::kFloat32};

OCKHAM_REGISTER_OP(
    max_pool2d,
    {.name = "max_pool2d",
     .samples = {sample("2x2", {2, 3, 6, 5}, {}),
                 sample("3x3 padded", {2, 3, 5, 6}, {.kernel = 3, .stride = 1, .pad = 1}),
                 sample("3x3 strided, padded", {3, 2, 7, 6}, {.kernel = 3, .stride = 2, .pad = 1}),
                 sample("stride beyond the kernel", {1, 2, 8, 9}, {.kernel = 2, .stride = 3, .pad = 1})},
     .bad = {{maker({}), {{{3, 6, 5}, DType::kFloat32}}, {"max_pool2d(kernel=2 stride=2 pad=0)", "[N, C, H, W]"}},
             {maker({.kernel = 6}), {kX}, {"float32[2,3,6,5]", "kernel 6 does not fit into size 5"}},
             {maker({.kernel = 3, .pad = 2}), {kX}, {"pad 2 is more than half of kernel 3"}},
             {maker({.kernel = 0}), {kX}, {"kernel=0", "at least 1"}},
             {maker({.kernel = 16}), {{{1, 1, 20, 20}, DType::kFloat32}}, {"kernel=16", "at most 15"}},
             {maker({}), {{{2, 3, 6, 5}, DType::kUInt8}}, {"uint8[2,3,6,5]", "float32 or float64"}}}});

}  // namespace

Variable max_pool2d(const Variable& x, const MaxPool2dAttrs& attrs) {
  return record_one(std::make_shared<const MaxPool2d>(attrs), {x});
}

}  // namespace ockham
