#include "ops/squared_error/squared_error.h"

#include <cmath>

#include "autograd/registry.h"
#include "engine/math.h"
#include "ops/squared_error/squared_error_op.h"

namespace ockham {
namespace {

double samples_of(const Saved& saved) {
  return static_cast<double>(saved[0].size(0));
}

/// Tangent d of the outputs.
Tensor direction(const Tensor& x_dot, std::int64_t D, std::int64_t d) {
  return x_dot.reshape({D, -1}).slice(0, d, d + 1).reshape({-1});
}

}  // namespace

std::vector<Spec> SquaredError::infer(std::span<const Spec> x) const {
  if (!is_compute_type(x[0].dtype))
    throw DTypeError(describe(*this, x) + ": takes float32 or float64; convert with Tensor::to.");
  if (x[0].shape.rank() != 2 || x[0].shape.numel() == 0)
    throw ShapeError(describe(*this, x) + ": outputs must be [N, C] with at least one sample and one output.");
  if (x[1] != x[0])
    throw ShapeError(describe(*this, x) + ": targets must have the shape and dtype of the outputs.");
  return {{{}, x[0].dtype}};
}

void SquaredError::forward(Inputs x, Outputs y, Saved& saved) const {
  Tensor residual = x[0].clone();
  axpy(-1.0, x[1], residual);
  saved.keep(residual);
  fill(y[0], 0.5 * dot(residual, residual) / samples_of(saved));
}

void SquaredError::vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const {
  if (!x_bar[0])
    return;
  const Tensor& residual = saved[0];
  const std::int64_t n = residual.numel();
  Tensor result({D * residual.size(0), residual.size(1)}, residual.dtype());
  visit_float(residual.dtype(), name(), [&]<class T>() {
    T* out = result.data<T>();
    for (std::int64_t d = 0; d < D; ++d) {
      const T factor = static_cast<T>(static_cast<double>(y_bar[0].data<T>()[d]) / samples_of(saved));
      for (std::int64_t i = 0; i < n; ++i)
        out[d * n + i] = factor * residual.data<T>()[i];
    }
  });
  x_bar[0].add(result);
}

void SquaredError::jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const {
  const Tensor residual = saved[0].reshape({-1});
  visit_float(residual.dtype(), name(), [&]<class T>() {
    for (std::int64_t d = 0; d < D; ++d)
      y_dot[0].data<T>()[d] = static_cast<T>(dot(residual, direction(x_dot[0], D, d)) / samples_of(saved));
  });
}

void SquaredError::curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs,
                             std::span<double> acc) const {
  const double scale = y_bar[0].item() / samples_of(saved);
  for (std::int64_t d = 0; d < D; ++d) {
    const Tensor t = direction(x_dot[0], D, d);
    acc[static_cast<std::size_t>(d)] += scale * dot(t, t);
  }
}

void SquaredError::factor(const Saved& saved, std::int64_t first, std::int64_t count, Tensor& columns) const {
  const std::int64_t N = saved[0].size(0), C = saved[0].size(1);
  const double entry = 1.0 / std::sqrt(static_cast<double>(N));
  fill(columns, 0.0);
  visit_float(columns.dtype(), name(), [&]<class T>() {
    for (std::int64_t k = 0; k < count; ++k) {
      for (std::int64_t n = 0; n < N; ++n)
        columns.data<T>()[(k * N + n) * C + first + k] = static_cast<T>(entry);
    }
  });
}

void SquaredError::recursion_seed(const Saved& saved, Tensor& h) const {
  fill(h, 1.0 / samples_of(saved));
}

namespace {

std::vector<Tensor> reference(Inputs x) {
  double sum = 0.0;
  for (std::int64_t i = 0; i < x[0].numel(); ++i)
    sum += std::pow(x[0].data<double>()[i] - x[1].data<double>()[i], 2.0) / 2.0;
  return {Tensor::scalar(sum / static_cast<double>(x[0].size(0)), DType::kFloat64)};
}

std::unique_ptr<Op> make() {
  return std::make_unique<SquaredError>();
}

OpSample sample(const char* name, std::int64_t N, std::int64_t C) {
  return {.name = name, .make = make, .inputs = {{.shape = {N, C}}, {.shape = {N, C}}}, .reference = reference};
}

const Spec kOutputs{{4, 3}, DType::kFloat32};

OCKHAM_REGISTER_OP(squared_error,
                   {.name = "squared_error",
                    .samples = {sample("plain", 7, 5), sample("one sample", 1, 3), sample("one output", 6, 1)},
                    .bad = {{make, {{{4}, DType::kFloat32}, {{4}, DType::kFloat32}}, {"float32[4]", "[N, C]"}},
                            {make, {{{4, 3}, DType::kInt64}, {{4, 3}, DType::kInt64}}, {"int64[4,3]", "float32 or"}},
                            {make, {kOutputs, {{3, 4}, DType::kFloat32}}, {"float32[3,4]", "shape and dtype"}},
                            {make, {kOutputs, {{4, 3}, DType::kFloat64}}, {"float64[4,3]", "shape and dtype"}}}});

}  // namespace

Variable squared_error(const Variable& outputs, const Variable& targets) {
  return record_one(std::make_shared<const SquaredError>(), {outputs, targets});
}

}  // namespace ockham
