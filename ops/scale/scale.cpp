#include "ops/scale/scale.h"

#include <algorithm>

#include "autograd/registry.h"
#include "engine/lanes.h"
#include "engine/parallel.h"
#include "ops/diagonal.h"
#include "ops/infer.h"
#include "ops/loops.h"
#include "ops/scale/scale_op.h"

namespace ockham {
namespace {

/// y[d] (+)= s[d] * x[d]; an argument with one direction serves all.
void multiply(std::int64_t D, const Tensor& x, std::int64_t dx, const Tensor& s, std::int64_t ds, Tensor& y,
              bool adds) {
  const std::int64_t n = y.numel() / D;
  visit_float(y.dtype(), "scale", [&]<class T>() {
    for (std::int64_t d = 0; d < D; ++d) {
      const cpu::Term<T> term{s.data<T>()[ds == 1 ? 0 : d], x.data<T>() + (dx == 1 ? 0 : d * n)};
      cpu::combine<T>(n, {&term, 1}, y.data<T>() + d * n, adds);
    }
  });
}

}  // namespace

std::vector<Spec> ScaleOp::infer(std::span<const Spec> x) const {
  require_float(*this, x);
  if (x[1].shape.numel() != 1 || x[1].shape.rank() > 1)
    throw ShapeError(concat(describe(*this, x), ": the factor has shape ", x[1].shape,
                            ", needs [] or [1]; multiply tensors of one shape with mul."));
  return {x[0]};
}

void ScaleOp::weight_diagonal(const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input, Grouping grouping,
                              Tensor& H) const {
  const Tensor& x = saved[0];
  if (input != 1)
    return Op::weight_diagonal(saved, D, y_bar, input, grouping, H);
  if (x.numel() == 0)
    return;
  double total = 0.0;
  for (const double gradient : sample_gradients(saved, D, y_bar, input).span<double>())
    total += gradient * gradient;
  H.data<double>()[0] += total;
}

Tensor ScaleOp::sample_gradients(const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input) const {
  if (input != 1)
    refuse_sample_gradients(*this, input);
  const Tensor& x = saved[0];
  const std::int64_t samples = x.rank() == 0 ? 1 : x.size(0);
  const std::int64_t n = x.numel() / std::max<std::int64_t>(1, samples);
  Tensor rows({D, samples, 1}, DType::kFloat64);
  visit_float(x.dtype(), name(), [&]<class T>() {
    parallel_for(D * samples, 1, [&](std::int64_t row, std::int64_t) {
      rows.data<double>()[row] = lane_dot(n, y_bar[0].data<T>() + row * n, x.data<T>() + row % samples * n);
    });
  });
  return rows;
}

void ScaleOp::recursion(const Saved& saved, Inputs, Inputs h_y, std::span<GradSlot> h_x) const {
  const Tensor& x = saved[0];
  const double s = saved[1].item();
  if (h_x[0])
    multiply(1, h_y[0], 1, Tensor::scalar(s * s, x.dtype()), 1, *h_x[0].dst, h_x[0].accumulate);
  if (!h_x[1])
    return;
  const double h_s = visit_float(x.dtype(), name(), [&]<class T>() {
    return parallel_sum(x.numel(), 1 << 14, [&](std::int64_t begin, std::int64_t end) {
      double total = 0.0;
      for (std::int64_t i = begin; i < end; ++i) {
        const double value = static_cast<double>(x.data<T>()[i]);
        total += value * value * static_cast<double>(h_y[0].data<T>()[i]);
      }
      return total;
    });
  });
  h_x[1].add(Tensor::full(saved[1].shape(), h_s, x.dtype()));
}

void ScaleOp::apply(const Tensor& x, std::int64_t dx, const Tensor& s, std::int64_t ds, Tensor& y,
                    bool accumulate) const {
  multiply(std::max(dx, ds), x, dx, s, ds, y, accumulate);
}

void ScaleOp::transpose_a(std::int64_t D, const Tensor& y_bar, const Tensor& s, GradSlot x_bar) const {
  multiply(D, y_bar, D, s, 1, *x_bar.dst, x_bar.accumulate);
}

void ScaleOp::transpose_b(std::int64_t D, const Tensor& y_bar, const Tensor& x, GradSlot s_bar) const {
  Tensor products({D}, x.dtype());
  visit_float(x.dtype(), name(), [&]<class T>() {
    const T* x_data = x.data<T>();
    for (std::int64_t d = 0; d < D; ++d)
      products.data<T>()[d] = static_cast<T>(cpu::dots<T>(x.numel(), y_bar.data<T>() + d * x.numel(), {&x_data, 1})[0]);
  });
  s_bar.add(std::move(products));
}

std::vector<Spec> FixedScaleOp::infer(std::span<const Spec> x) const {
  require_float(*this, x);
  return {x[0]};
}

void FixedScaleOp::recursion(const Saved&, Inputs, Inputs h_y, std::span<GradSlot> h_x) const {
  if (h_x[0])
    times(factor_ * factor_, h_y[0], *h_x[0].dst, h_x[0].accumulate);
}

void FixedScaleOp::transpose(const Saved&, std::int64_t, const Tensor& y_bar, GradSlot x_bar) const {
  times(factor_, y_bar, *x_bar.dst, x_bar.accumulate);
}

void FixedScaleOp::times(double factor, const Tensor& x, Tensor& y, bool adds) {
  multiply(1, x, 1, Tensor::scalar(factor, x.dtype()), 1, y, adds);
}

namespace {

OpSample trainable(std::string name, const Shape& x, const Shape& s) {
  return {.name = std::move(name),
          .make = [] { return std::make_unique<ScaleOp>(); },
          .inputs = {{.shape = x}, {.shape = s}},
          .reference =
              [](Inputs in) {
                Tensor y(in[0].shape(), DType::kFloat64);
                for (std::int64_t i = 0; i < y.numel(); ++i)
                  y.data<double>()[i] = in[1].item() * in[0].data<double>()[i];
                return std::vector<Tensor>{y};
              },
          .diagonal_inputs = {1}};
}

OpSample fixed(double factor, const Shape& x) {
  return {.name = concat("fixed factor ", factor),
          .make = [factor] { return std::make_unique<FixedScaleOp>(factor); },
          .inputs = {{.shape = x}},
          .reference =
              [factor](Inputs in) {
                Tensor y(in[0].shape(), DType::kFloat64);
                for (std::int64_t i = 0; i < y.numel(); ++i)
                  y.data<double>()[i] = factor * in[0].data<double>()[i];
                return std::vector<Tensor>{y};
              }};
}

const auto kMake = [] { return std::make_unique<ScaleOp>(); };
OCKHAM_REGISTER_OP(
    scale, {.name = "scale",
            .samples = {trainable("feature map", {2, 3, 5, 7}, {1}), trainable("factor of rank 0", {3, 4}, {}),
                        fixed(-0.75, {2, 3, 5}), fixed(0.0, {4, 3})},
            .bad = {{.make = kMake, .inputs = {{{2, 3}}, {{3}}}, .message_parts = {"scale", "[2,3]", "[3]", "mul"}},
                    {.make = kMake, .inputs = {{{2, 3}}, {{1, 1}}}, .message_parts = {"scale", "[1,1]", "[] or [1]"}},
                    {.make = kMake,
                     .inputs = {{{2, 3}}, {{1}, DType::kFloat64}},
                     .message_parts = {"scale", "float32[2,3]", "float64[1]"}}}});

}  // namespace

Variable scale(const Variable& x, const Variable& s) {
  return record_one(std::make_shared<const ScaleOp>(), {x, s});
}

Variable scale(const Variable& x, double factor) {
  return record_one(std::make_shared<const FixedScaleOp>(factor), {x});
}

}  // namespace ockham
