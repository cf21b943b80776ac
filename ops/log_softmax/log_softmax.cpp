#include "ops/log_softmax/log_softmax.h"

#include "autograd/registry.h"
#include "ops/softmax/row_op.h"

namespace ockham {
namespace {

// J = I - 1 p^T with p = exp(y). Along t, with tm = sum p t: y'' = -sum p (t - tm)^2, the same in every entry.
struct LogSoftmax {
  static constexpr std::string_view kName = "log_softmax";

  template <class T>
  static void forward(std::int64_t C, const T* x, T* y) {
    const double lse = log_sum_exp(C, x);
    for (std::int64_t i = 0; i < C; ++i)
      y[i] = static_cast<T>(static_cast<double>(x[i]) - lse);
  }

  template <class T>
  static void vjp(std::int64_t C, const T* y, const T* g, T* out) {
    const T total = static_cast<T>(row_sum(C, [&](std::int64_t i) { return g[i]; }));
    for (std::int64_t i = 0; i < C; ++i)
      out[i] = g[i] - std::exp(y[i]) * total;
  }

  template <class T>
  static void jvp(std::int64_t C, const T* y, const T* t, T* out) {
    const T mean = static_cast<T>(row_sum(C, [&](std::int64_t i) { return std::exp(y[i]) * t[i]; }));
    for (std::int64_t i = 0; i < C; ++i)
      out[i] = t[i] - mean;
  }

  template <class T>
  static double curvature(std::int64_t C, const T* y, const T* g, const T* t) {
    const double mean = row_sum(C, [&](std::int64_t i) { return std::exp(y[i]) * t[i]; });
    const double variance = row_sum(C, [&](std::int64_t i) { return std::exp(y[i]) * (t[i] - mean) * (t[i] - mean); });
    return -variance * row_sum(C, [&](std::int64_t i) { return g[i]; });
  }

  // sum_i J_ij^2 h_i = (1 - 2 p_j) h_j + p_j^2 sum_i h_i;  D2y_i/dx_j^2 = -p_j (1 - p_j)
  template <class T>
  static void recursion(std::int64_t C, const T* y, const T* g, const T* h, T* out) {
    const T g_total = static_cast<T>(row_sum(C, [&](std::int64_t i) { return g[i]; }));
    const T h_total = static_cast<T>(row_sum(C, [&](std::int64_t i) { return h[i]; }));
    for (std::int64_t j = 0; j < C; ++j) {
      const T p = std::exp(y[j]);
      out[j] = (T(1) - T(2) * p) * h[j] + p * p * h_total - p * (T(1) - p) * g_total;
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
    y.data<double>()[i] = std::log(std::exp(x[0].data<double>()[i]) / total);
  }
  return {y};
}

const auto kMake = [] { return std::make_unique<RowOp<LogSoftmax>>(); };
OpSample sample(const char* name, InputDraw x) {
  return {.name = name, .make = kMake, .inputs = {x}, .reference = reference, .has_samples = x.shape.rank() > 1};
}

OCKHAM_REGISTER_OP(
    log_softmax,
    {.name = "log_softmax",
     .samples = {sample("a row", {.shape = {7}}), sample("a matrix", {.shape = {5, 8}, .low = -4.0, .high = 4.0}),
                 sample("three dimensions", {.shape = {2, 3, 4}}), sample("one class", {.shape = {3, 1}})},
     .bad = {{kMake, {{{}, DType::kFloat32}}, {"log_softmax", "float32[]", "last dimension"}},
             {kMake, {{{4, 0}, DType::kFloat32}}, {"log_softmax", "float32[4,0]", "not be empty"}},
             {kMake, {{{4, 5}, DType::kInt64}}, {"log_softmax", "int64[4,5]", "float32 or float64"}}}});

}  // namespace

Variable log_softmax(const Variable& x) {
  return record_one(std::make_shared<const RowOp<LogSoftmax>>(), {x});
}

}  // namespace ockham
