#include "ops/softmax/softmax.h"

#include "autograd/registry.h"
#include "ops/softmax/row_op.h"

namespace ockham {
namespace {

// J = diag(p) - p p^T is symmetric. Along t, with tm = sum p t and v = sum p (t - tm)^2: p'' = p ((t - tm)^2 - v).
struct Softmax {
  static constexpr std::string_view kName = "softmax";

  template <class T>
  static void forward(std::int64_t C, const T* x, T* y) {
    const double lse = log_sum_exp(C, x);
    for (std::int64_t i = 0; i < C; ++i)
      y[i] = static_cast<T>(std::exp(static_cast<double>(x[i]) - lse));
  }

  template <class T>
  static void vjp(std::int64_t C, const T* p, const T* g, T* out) {
    const T mean = static_cast<T>(row_sum(C, [&](std::int64_t i) { return p[i] * g[i]; }));
    for (std::int64_t i = 0; i < C; ++i)
      out[i] = p[i] * (g[i] - mean);
  }

  template <class T>
  static void jvp(std::int64_t C, const T* p, const T* t, T* out) {
    vjp(C, p, t, out);
  }

  template <class T>
  static double curvature(std::int64_t C, const T* p, const T* g, const T* t) {
    const double mean = row_sum(C, [&](std::int64_t i) { return p[i] * t[i]; });
    const auto square = [&](std::int64_t i) { return (t[i] - mean) * (t[i] - mean); };
    const double variance = row_sum(C, [&](std::int64_t i) { return p[i] * square(i); });
    return row_sum(C, [&](std::int64_t i) { return g[i] * p[i] * (square(i) - variance); });
  }

  // sum_i J_ij^2 h_i = p_j^2 ((1 - 2 p_j) h_j + sum_i p_i^2 h_i);  sum_i g_i D2p_i/dx_j^2 = p_j (1 - 2 p_j) (g_j - gm)
  template <class T>
  static void recursion(std::int64_t C, const T* p, const T* g, const T* h, T* out) {
    const T mean = static_cast<T>(row_sum(C, [&](std::int64_t i) { return p[i] * g[i]; }));
    const T rest = static_cast<T>(row_sum(C, [&](std::int64_t i) { return p[i] * p[i] * h[i]; }));
    for (std::int64_t j = 0; j < C; ++j) {
      const T tilt = T(1) - T(2) * p[j];
      out[j] = p[j] * p[j] * (tilt * h[j] + rest) + p[j] * tilt * (g[j] - mean);
    }
  }
};

std::vector<Tensor> reference(Inputs x) {
  Tensor y(x[0].spec());
  const std::int64_t C = y.size(y.rank() - 1);
  for (std::int64_t i = 0; i < y.numel(); ++i) {
    double total = 0.0;
    for (std::int64_t j = 0; j < C; ++j)
      total += std::exp(x[0].data<double>()[i / C * C + j]);
    y.data<double>()[i] = std::exp(x[0].data<double>()[i]) / total;
  }
  return {y};
}

const auto kMake = [] { return std::make_unique<RowOp<Softmax>>(); };
OpSample sample(const char* name, InputDraw x) {
  return {.name = name, .make = kMake, .inputs = {x}, .reference = reference, .has_samples = x.shape.rank() > 1};
}

OCKHAM_REGISTER_OP(
    softmax,
    {.name = "softmax",
     .samples = {sample("a row", {.shape = {7}}), sample("a matrix", {.shape = {5, 8}, .low = -4.0, .high = 4.0}),
                 sample("three dimensions", {.shape = {2, 3, 4}}), sample("one class", {.shape = {3, 1}})},
     .bad = {{kMake, {{{}, DType::kFloat32}}, {"softmax", "float32[]", "last dimension"}},
             {kMake, {{{4, 0}, DType::kFloat32}}, {"softmax", "float32[4,0]", "not be empty"}},
             {kMake, {{{4, 5}, DType::kInt64}}, {"softmax", "int64[4,5]", "float32 or float64"}}}});

}  // namespace

Variable softmax(const Variable& x) {
  return record_one(std::make_shared<const RowOp<Softmax>>(), {x});
}

}  // namespace ockham
