#include "ops/max_pool2d/max_pool2d.h"

#include "autograd/registry.h"
#include "engine/arena.h"
#include "engine/parallel.h"
#include "ops/max_pool2d/max_pool2d_kernels.h"
#include "ops/max_pool2d/max_pool2d_op.h"

namespace ockham {
namespace {

template <class T>
void gather(std::int64_t n, const std::int32_t* at, const T* from, T* to) {
  for (std::int64_t i = 0; i < n; ++i)
    to[i] = from[at[i]];
}

std::int64_t grain_of(const cpu::PoolPlane& plane) {
  return cpu::plane_grain(plane.H * plane.W);
}

/// Calls body(plane, n, taps, i) for n planes from plane i on, of one direction. Plane i of any direction chose as
/// the plane of the one forward pass did.
template <class Body>
void for_planes(const PoolWindow& window, const Saved& saved, const Tensor& x, const Tensor& y, Body body) {
  const cpu::PoolPlane plane(window, x.shape(), y.shape());
  const std::int64_t planes = saved[0].size(0) * saved[0].size(1);
  visit_float(x.dtype(), "max_pool2d", [&]<class T>() {
    parallel_for(x.size(0) * x.size(1), grain_of(plane), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin, n = 0; i < end; i += n) {
        n = std::min(end - i, planes - i % planes);
        body.template operator()<T>(plane, n, saved[0].data<std::uint8_t>() + i % planes * plane.P * plane.Q, i);
      }
    });
  });
}

}  // namespace

std::string MaxPool2d::attrs() const {
  return concat("kernel=", window_.kernel, " stride=", window_.stride, " pad=", window_.pad);
}

std::vector<Spec> MaxPool2d::infer(std::span<const Spec> x) const {
  const Shape y = infer_pool(*this, x, window_);
  if (window_.kernel > cpu::kLargestMaxPool)
    throw ShapeError(concat(describe(*this, x), ": kernel must be at most ", cpu::kLargestMaxPool, "."));
  return {{y, x[0].dtype}};
}

void MaxPool2d::forward(Inputs x, Outputs y, Saved& saved) const {
  Tensor taps(y[0].shape(), DType::kUInt8);
  const cpu::PoolPlane plane(window_, x[0].shape(), y[0].shape());
  visit_float(x[0].dtype(), name(), [&]<class T>() {
    parallel_for(x[0].size(0) * x[0].size(1), grain_of(plane), [&](std::int64_t begin, std::int64_t end) {
      cpu::max_pool(plane, end - begin, x[0].data<T>() + begin * plane.H * plane.W,
                    y[0].data<T>() + begin * plane.P * plane.Q, taps.data<std::uint8_t>() + begin * plane.P * plane.Q);
    });
  });
  saved.keep(taps);
}

/// J o J = J: the entries are 0 and 1.
void MaxPool2d::recursion(const Saved& saved, Inputs, Inputs h_y, std::span<GradSlot> h_x) const {
  if (h_x[0])
    transpose(saved, 1, h_y[0], h_x[0]);
}

/// Where a plane's maxima lie is found once for all directions.
void MaxPool2d::apply(const Saved& saved, std::int64_t D, const Tensor& x, Tensor& y) const {
  const cpu::PoolPlane plane(window_, x.shape(), y.shape());
  const std::int64_t planes = saved[0].size(0) * saved[0].size(1);
  const std::int64_t x_size = plane.H * plane.W, y_size = plane.P * plane.Q;
  visit_float(x.dtype(), name(), [&]<class T>() {
    parallel_for(planes, grain_of(plane), [&](std::int64_t begin, std::int64_t end) {
      ScratchScope scratch;
      auto* chosen = scratch.take<std::int32_t>(y_size);
      for (std::int64_t i = begin; i < end; ++i) {
        cpu::for_chosen(plane, 1, saved[0].data<std::uint8_t>() + i * y_size,
                        [&](std::int64_t out, std::int64_t at) { chosen[out] = static_cast<std::int32_t>(at); });
        for (std::int64_t d = 0; d < D; ++d)
          gather(y_size, chosen, x.data<T>() + (d * planes + i) * x_size, y.data<T>() + (d * planes + i) * y_size);
      }
    });
  });
}

void MaxPool2d::transpose(const Saved& saved, std::int64_t, const Tensor& y_bar, GradSlot x_bar) const {
  const Tensor& x = *x_bar.dst;
  for_planes(window_, saved, x, y_bar,
             [&]<class T>(const auto& plane, std::int64_t n, const std::uint8_t* taps, std::int64_t i) {
               const T* from = y_bar.data<T>() + i * plane.P * plane.Q;
               T* to = x_bar.dst->data<T>() + i * plane.H * plane.W;
               cpu::max_pool_spread(plane, n, taps, from, x_bar.accumulate, to);
             });
}

namespace {

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
          .reference = [=](Inputs in) { return reference(in, attrs); }};
}

const Spec kX{{2, 3, 6, 5}, DType::kFloat32};

OCKHAM_REGISTER_OP(
    max_pool2d,
    {.name = "max_pool2d",
     .samples = {sample("2x2", {2, 3, 6, 5}, {}),
                 sample("3x3 padded", {2, 3, 5, 6}, {.kernel = 3, .stride = 1, .pad = 1}),
                 sample("3x3 strided, padded", {3, 2, 7, 6}, {.kernel = 3, .stride = 2, .pad = 1}),
                 sample("rows longer than a vector", {1, 2, 3, 37}, {.kernel = 3, .stride = 1, .pad = 1}),
                 sample("long rows, strided", {1, 1, 4, 41}, {.kernel = 3, .stride = 2}),
                 sample("long rows, stride 3", {1, 1, 3, 53}, {.kernel = 2, .stride = 3, .pad = 1}),
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
