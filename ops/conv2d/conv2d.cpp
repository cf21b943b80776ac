#include "ops/conv2d/conv2d.h"

#include <algorithm>
#include <array>
#include <atomic>

#include "autograd/registry.h"
#include "engine/math.h"
#include "ops/conv2d/conv2d_kernels.h"
#include "ops/conv2d/conv2d_op.h"
#include "ops/conv2d/conv2d_ref.h"
#include "ops/conv2d/conv2d_rules.h"
#include "ops/diagonal.h"
#include "ops/infer.h"

namespace ockham {

using cpu::Conv2dSize;

std::string Conv2d::attrs() const {
  return concat("stride=", attrs_.stride, " pad=", attrs_.pad, " dilation=", attrs_.dilation,
                " groups=", attrs_.groups);
}

std::vector<Spec> Conv2d::infer(std::span<const Spec> x) const {
  require_float(*this, x);
  return {{check_conv2d(*this, x, attrs_, x[0].shape, x[1].shape), x[0].dtype}};
}

std::string Conv2d::kernel(std::span<const Spec> x) const {
  const Conv2dSize size = cpu::conv2d_size(attrs_, x[0].shape, x[1].shape);
  std::string declined;
  for (const auto& kernel : cpu::conv2d_kernels<float>()) {
    if (kernel.fits(size))
      return concat(kernel.name, declined);
    declined += concat("; ", kernel.name, " takes ", kernel.takes);
  }
  return declined;  // not reached: the last fits everything
}

double Conv2d::flops(std::span<const Spec> x) const {
  const Conv2dSize s = cpu::conv2d_size(attrs_, x[0].shape, x[1].shape);
  return 2.0 * static_cast<double>(s.N * s.P * s.Q) * static_cast<double>(s.w_numel());
}

void Conv2d::weight_diagonal(const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input, Grouping grouping,
                             Tensor& H) const {
  if (input != 1)
    return Op::weight_diagonal(saved, D, y_bar, input, grouping, H);
  const Conv2dSize size = cpu::conv2d_size(attrs_, saved[0].shape(), saved[1].shape());
  if (size.N == 0)
    return;
  Tensor entries = Tensor::zeros(saved[1].shape(), DType::kFloat64);
  visit_float(saved[0].dtype(), name(), [&]<class T>() {
    cpu::conv2d_kernel<T>(size).weight_squares(size, D, saved[0].data<T>(), y_bar[0].data<T>(), entries.data<double>());
  });
  add_grouped(entries, grouping, H);
}

void Conv2d::recursion(const Saved& saved, Inputs, Inputs h_y, std::span<GradSlot> h_x) const {
  if (h_x[0])
    transpose_a(1, h_y[0], squared(saved[1]), h_x[0]);
  if (h_x[1])
    transpose_b(1, h_y[0], squared(saved[0]), h_x[1]);
}

void Conv2d::apply(const Tensor& x, std::int64_t dx, const Tensor& w, std::int64_t dw, Tensor& y,
                   bool accumulate) const {
  // With one w the directions of x are just more samples.
  const std::int64_t D = dw == 1 ? 1 : std::max(dx, dw);
  const std::int64_t batches = dw == 1 ? 1 : dx;
  Conv2dSize size = cpu::conv2d_size(attrs_, x.shape(), w.shape());
  size.N /= batches;
  size.K /= dw;
  visit_float(x.dtype(), name(), [&]<class T>() {
    const auto& kernel = cpu::conv2d_kernel<T>(size);
    for (std::int64_t d = 0; d < D; ++d)
      kernel.forward(size, x.data<T>() + (batches == 1 ? 0 : d * size.N * size.x_sample()),
                     w.data<T>() + d * size.w_numel(), T(accumulate), y.data<T>() + d * size.N * size.y_sample());
  });
}

void Conv2d::transpose_a(std::int64_t, const Tensor& y_bar, const Tensor& w, GradSlot x_bar) const {
  const Conv2dSize size = cpu::conv2d_size(attrs_, x_bar.dst->shape(), w.shape());
  visit_float(w.dtype(), name(), [&]<class T>() {
    cpu::conv2d_kernel<T>(size).input_gradient(size, y_bar.data<T>(), w.data<T>(), x_bar.beta<T>(),
                                               x_bar.dst->data<T>());
  });
}

void Conv2d::transpose_b(std::int64_t D, const Tensor& y_bar, const Tensor& x, GradSlot w_bar) const {
  const Shape& w = w_bar.dst->shape();
  const Conv2dSize size = cpu::conv2d_size(attrs_, x.shape(), w.with(0, w[0] / D));
  if (size.N == 0) {
    w_bar.add(Tensor::zeros(w, x.dtype()));
    return;
  }
  visit_float(x.dtype(), name(), [&]<class T>() {
    const auto& kernel = cpu::conv2d_kernel<T>(size);
    for (std::int64_t d = 0; d < D; ++d)
      kernel.weight_gradient(size, x.data<T>(), y_bar.data<T>() + d * size.N * size.y_sample(), w_bar.beta<T>(),
                             w_bar.dst->data<T>() + d * size.w_numel());
  });
}

namespace {

OpSample sample(std::string name, const Conv2dAttrs& attrs, const Shape& x, const Shape& w) {
  return {.name = std::move(name),
          .make = [attrs] { return std::make_unique<Conv2d>(attrs); },
          .inputs = {{.shape = x}, {.shape = w}},
          .reference =
              [attrs](Inputs in) {
                const Conv2dSize s = cpu::conv2d_size(attrs, in[0].shape(), in[1].shape());
                Tensor y({s.N, s.K, s.P, s.Q}, DType::kFloat64);
                cpu::reference_conv2d<double>().forward(s, in[0].data<double>(), in[1].data<double>(), 0.0,
                                                        y.data<double>());
                return std::vector<Tensor>{y};
              },
          .diagonal_inputs = {1}};
}

BadSample bad(const Conv2dAttrs& attrs, const Spec& x, const Spec& w, std::vector<std::string> parts) {
  return {.make = [attrs] { return std::make_unique<Conv2d>(attrs); }, .inputs = {x, w}, .message_parts = parts};
}

OCKHAM_REGISTER_OP(
    conv2d,
    {.name = "conv2d",
     .samples = {sample("pointwise", {}, {2, 5, 3, 4}, {6, 5, 1, 1}),
                 sample("depthwise, pad 1", {.pad = 1, .groups = 3}, {2, 3, 5, 4}, {3, 1, 3, 3}),
                 sample("depthwise, stride 2, dilation 2", {.stride = 2, .pad = 4, .dilation = 2, .groups = 2},
                        {3, 2, 5, 7}, {2, 1, 5, 5}),
                 sample("dense, pad 1", {.pad = 1}, {2, 3, 5, 4}, {4, 3, 3, 3}),
                 sample("dense 2x3, stride 2, dilation 3", {.stride = 2, .pad = 2, .dilation = 3}, {3, 2, 6, 7},
                        {4, 2, 2, 3}),
                 sample("1x1, stride 2", {.stride = 2}, {2, 3, 5, 6}, {4, 3, 1, 1}),
                 sample("1x1, stride 3, pad 2", {.stride = 3, .pad = 2}, {2, 3, 5, 6}, {4, 3, 1, 1}),
                 sample("groups 2, stride 2", {.stride = 2, .pad = 1, .groups = 2}, {3, 4, 5, 6}, {6, 2, 3, 2}),
                 sample("pointwise, as wide as a GPU's library takes, 17 samples", {}, {17, 130, 1, 2},
                        {129, 130, 1, 1})},
     .bad = {bad({}, {{2, 3, 5, 5}}, {{4, 2, 3, 3}}, {"conv2d", "[2,3,5,5]", "[4,2,3,3]", "needs C/groups = 3"}),
             bad({}, {{2, 3, 5}}, {{4, 3, 3, 3}}, {"[2,3,5]", "[N,C,H,W]"}),
             bad({.groups = 2}, {{2, 3, 5, 5}}, {{4, 1, 3, 3}}, {"C = 3", "groups = 2"}),
             bad({.groups = 3}, {{2, 3, 5, 5}}, {{4, 1, 3, 3}}, {"K = 4", "groups = 3"}),
             bad({.dilation = 3}, {{2, 3, 5, 6}}, {{4, 3, 3, 2}}, {"spans 7x4", "only 5x6"}),
             bad({.stride = 0}, {{2, 3, 5, 5}}, {{4, 3, 3, 3}}, {"stride=0", "must be 1 to 2^20"}),
             bad({.pad = -1}, {{2, 3, 5, 5}}, {{4, 3, 3, 3}}, {"pad=-1", "pad must be 0"}),
             bad({}, {{2, 3, 5, 5}}, {{4, 3, 0, 3}}, {"[4,3,0,3]", "must be 1 to 2^20"}),
             bad({}, {{2, 0, 5, 5}}, {{4, 0, 3, 3}}, {"[2,0,5,5]", "at least 1"}),
             bad({}, {{2, 3, 5, 5}}, {{4, 3, 3, 3}, DType::kFloat64}, {"float64[4,3,3,3]", "one of them"})}});

}  // namespace

namespace {
std::atomic<bool> is_precise_everywhere{false};
}
void set_precise_convolutions(bool is_precise) {
  is_precise_everywhere = is_precise;
}
bool precise_convolutions() {
  return is_precise_everywhere;
}

Shape check_conv2d(const Op& op, std::span<const Spec> inputs, const Conv2dAttrs& attrs, const Shape& x,
                   const Shape& w) {
  const auto require = [&]<class... Pieces>(bool holds, const Pieces&... rule) {
    if (!holds)
      throw ShapeError(concat(describe(op, inputs), ": ", rule..., "."));
  };
  require(x.rank() == 4 && w.rank() == 4, "needs x [N,C,H,W] and w [K,C/groups,R,S]");
  constexpr std::int64_t kMost = 1 << 20;  // keeps the arithmetic below from overflowing
  for (std::int64_t value : {attrs.stride, attrs.dilation, attrs.groups, w[2], w[3]})
    require(value >= 1 && value <= kMost, "stride, dilation, groups and the kernel's sides must be 1 to 2^20");
  require(attrs.pad >= 0 && attrs.pad <= kMost, "pad must be 0 to 2^20");
  const Conv2dSize s = cpu::conv2d_size(attrs, x, w);
  require(std::min({s.C, s.H, s.W, s.K}) >= 1, "every size but N must be at least 1");
  require(s.C % s.groups == 0 && s.K % s.groups == 0, "C = ", s.C, " and K = ", s.K,
          " must be multiples of groups = ", s.groups);
  require(w[1] == s.group_inputs(), "w has ", w[1], " input channels, needs C/groups = ", s.group_inputs());
  require(s.P >= 1 && s.Q >= 1, "the kernel spans ", s.dilation * (s.R - 1) + 1, "x", s.dilation * (s.S - 1) + 1,
          ", the padded input only ", s.H + 2 * s.pad, "x", s.W + 2 * s.pad, "; pad more or use a smaller kernel");
  return {s.N, s.K, s.P, s.Q};
}

Variable conv2d(const Variable& x, const Variable& w, const Conv2dAttrs& attrs) {
  return record_one(std::make_shared<const Conv2d>(attrs), {x, w});
}

namespace cpu {
namespace {

/// Outputs along one axis; less than 1 if the kernel does not fit into the padded input.
std::int64_t output_length(const Conv2dAttrs& attrs, std::int64_t length, std::int64_t taps) {
  const std::int64_t room = length + 2 * attrs.pad - attrs.dilation * (taps - 1) - 1;
  return room < 0 ? 0 : room / attrs.stride + 1;
}

}  // namespace

Conv2dSize conv2d_size(const Conv2dAttrs& attrs, const Shape& x, const Shape& w) {
  return {.N = x[0],
          .C = x[1],
          .H = x[2],
          .W = x[3],
          .K = w[0],
          .R = w[2],
          .S = w[3],
          .P = output_length(attrs, x[2], w[2]),
          .Q = output_length(attrs, x[3], w[3]),
          .stride = attrs.stride,
          .pad = attrs.pad,
          .dilation = attrs.dilation,
          .groups = attrs.groups};
}

template <class T>
std::span<const Conv2dKernel<T>> conv2d_kernels() {
  if constexpr (std::is_same_v<T, float>) {
    static const std::array kernels{pointwise_kernel<T>(), depthwise_kernel<T>(), winograd_kernel<T>(),
                                    dense_kernel<T>()};
    return kernels;
  } else {
    static const std::array kernels{pointwise_kernel<T>(), depthwise_kernel<T>(), dense_kernel<T>()};
    return kernels;
  }
}

template <class T>
const Conv2dKernel<T>& conv2d_kernel(const Conv2dSize& size) {
  const auto kernels = conv2d_kernels<T>();
  return *std::ranges::find_if(kernels, [&](const auto& kernel) { return kernel.fits(size); });
}

template const Conv2dKernel<float>& conv2d_kernel(const Conv2dSize&);
template const Conv2dKernel<double>& conv2d_kernel(const Conv2dSize&);
template std::span<const Conv2dKernel<float>> conv2d_kernels();
template std::span<const Conv2dKernel<double>> conv2d_kernels();

}  // namespace cpu
}  // namespace ockham
