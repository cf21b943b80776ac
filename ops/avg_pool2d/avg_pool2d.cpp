#include "ops/avg_pool2d/avg_pool2d.h"

#include "autograd/registry.h"
#include "engine/parallel.h"
#include "ops/avg_pool2d/avg_pool2d_kernels.h"
#include "ops/avg_pool2d/avg_pool2d_op.h"

namespace ockham {
namespace {

/// The factor of every element in each window, to a power: [P * Q].
template <class T>
std::vector<T> weights_of(const AvgPool2d& op, const cpu::PoolPlane& plane, int power) {
  const auto inside = [&](std::int64_t output, std::int64_t size) {
    const auto [kernel, stride, pad] = op.window();
    const std::int64_t first = output * stride - pad;
    return op.counts_padding() ? kernel : std::min(size, first + kernel) - std::max<std::int64_t>(0, first);
  };
  std::vector<T> weights;
  for (std::int64_t p = 0; p < plane.P; ++p) {
    for (std::int64_t q = 0; q < plane.Q; ++q) {
      const auto count = static_cast<double>(inside(p, plane.H) * inside(q, plane.W));
      weights.push_back(static_cast<T>(power == 2 ? 1.0 / (count * count) : 1.0 / count));
    }
  }
  return weights;
}

/// Calls body(plane, weights, i, n) for n planes from plane i on.
template <class Body>
void for_planes(const AvgPool2d& op, const Tensor& x, const Tensor& y, int power, Body body) {
  const cpu::PoolPlane plane(op.window(), x.shape(), y.shape());
  visit_float(x.dtype(), op.name(), [&]<class T>() {
    const std::vector<T> weights = weights_of<T>(op, plane, power);
    parallel_for(x.size(0) * x.size(1), cpu::plane_grain(plane.H * plane.W),
                 [&](auto begin, auto end) { body.template operator()<T>(plane, weights.data(), begin, end - begin); });
  });
}

/// x_bar (+)= (weights to the power given)^T y_bar
void spread(const AvgPool2d& op, const Tensor& y_bar, GradSlot x_bar, int power) {
  for_planes(op, *x_bar.dst, y_bar, power,
             [&]<class T>(const cpu::PoolPlane& plane, const T* weights, std::int64_t i, std::int64_t n) {
               cpu::avg_pool_spread(plane, n, weights, y_bar.data<T>() + i * plane.P * plane.Q, x_bar.accumulate,
                                    x_bar.dst->data<T>() + i * plane.H * plane.W);
             });
}

}  // namespace

std::string AvgPool2d::attrs() const {
  return concat("kernel=", window_.kernel, " stride=", window_.stride, " pad=", window_.pad,
                counts_padding_ ? "" : " count_include_pad=false");
}

std::vector<Spec> AvgPool2d::infer(std::span<const Spec> x) const {
  return {{infer_pool(*this, x, window_), x[0].dtype}};
}

void AvgPool2d::forward(Inputs x, Outputs y, Saved& saved) const {
  apply(saved, 1, x[0], y[0]);
}

/// The squares of the weights.
void AvgPool2d::recursion(const Saved&, Inputs, Inputs h_y, std::span<GradSlot> h_x) const {
  if (h_x[0])
    spread(*this, h_y[0], h_x[0], 2);
}

void AvgPool2d::apply(const Saved&, std::int64_t, const Tensor& x, Tensor& y) const {
  for_planes(
      *this, x, y, 1, [&]<class T>(const cpu::PoolPlane& plane, const T* weights, std::int64_t i, std::int64_t n) {
        cpu::avg_pool(plane, n, weights, x.data<T>() + i * plane.H * plane.W, y.data<T>() + i * plane.P * plane.Q);
      });
}

void AvgPool2d::transpose(const Saved&, std::int64_t, const Tensor& y_bar, GradSlot x_bar) const {
  spread(*this, y_bar, x_bar, 1);
}

namespace {

std::vector<Tensor> reference(Inputs x, const AvgPool2dAttrs& a) {
  const std::int64_t H = x[0].size(2);
  const std::int64_t W = x[0].size(3);
  const std::int64_t P = (H + 2 * a.pad - a.kernel) / a.stride + 1;
  const std::int64_t Q = (W + 2 * a.pad - a.kernel) / a.stride + 1;
  Tensor y({x[0].size(0), x[0].size(1), P, Q}, DType::kFloat64);
  for (std::int64_t i = 0; i < y.numel(); ++i) {
    double total = 0.0;
    std::int64_t inside = 0;
    for (std::int64_t h = 0; h < H; ++h) {
      for (std::int64_t w = 0; w < W; ++w) {
        const std::int64_t r = h + a.pad - i / Q % P * a.stride;
        const std::int64_t s = w + a.pad - i % Q * a.stride;
        if (r >= 0 && r < a.kernel && s >= 0 && s < a.kernel) {
          total += x[0].data<double>()[(i / (P * Q) * H + h) * W + w];
          ++inside;
        }
      }
    }
    y.data<double>()[i] = total / static_cast<double>(a.count_include_pad ? a.kernel * a.kernel : inside);
  }
  return {y};
}

auto maker(const AvgPool2dAttrs& attrs) {
  return [=] { return std::make_unique<AvgPool2d>(attrs); };
}

OpSample sample(const char* name, const Shape& x, const AvgPool2dAttrs& attrs) {
  return {.name = name, .make = maker(attrs), .inputs = {{.shape = x}}, .reference = [=](Inputs in) {
            return reference(in, attrs);
          }};
}

const Spec kX{{2, 3, 6, 5}, DType::kFloat32};

OCKHAM_REGISTER_OP(
    avg_pool2d,
    {.name = "avg_pool2d",
     .samples = {sample("2x2", {2, 3, 6, 5}, {}),
                 sample("3x3 padded", {2, 3, 5, 6}, {.kernel = 3, .stride = 1, .pad = 1}),
                 sample("3x3 strided, padding not counted", {3, 2, 7, 6},
                        {.kernel = 3, .stride = 2, .pad = 1, .count_include_pad = false}),
                 sample("5x5 stride 3", {2, 1, 8, 9}, {.kernel = 5, .stride = 3}),
                 sample("rows longer than a vector", {1, 2, 3, 37},
                        {.kernel = 3, .stride = 1, .pad = 1, .count_include_pad = false}),
                 sample("long rows, strided", {1, 1, 4, 41}, {.kernel = 3, .stride = 2}),
                 sample("long rows, stride 3", {1, 1, 3, 53}, {.kernel = 2, .stride = 3, .pad = 1}),
                 sample("stride beyond the kernel", {1, 2, 8, 9}, {.kernel = 2, .stride = 3, .pad = 1})},
     .bad = {{maker({}), {{{3, 6, 5}, DType::kFloat32}}, {"avg_pool2d(kernel=2 stride=2 pad=0)", "[N, C, H, W]"}},
             {maker({.kernel = 6}), {kX}, {"float32[2,3,6,5]", "kernel 6 does not fit into size 5"}},
             {maker({.kernel = 3, .pad = 2}), {kX}, {"pad 2 is more than half of kernel 3"}},
             {maker({.stride = 0}), {kX}, {"stride=0", "at least 1"}},
             {maker({}), {{{2, 3, 6, 5}, DType::kInt64}}, {"int64[2,3,6,5]", "float32 or float64"}}}});

}  // namespace

Variable avg_pool2d(const Variable& x, const AvgPool2dAttrs& attrs) {
  return record_one(std::make_shared<const AvgPool2d>(attrs), {x});
}

}  // namespace ockham
