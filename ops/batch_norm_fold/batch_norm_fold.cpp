#include "ops/batch_norm_fold/batch_norm_fold.h"

#include <cmath>

#include "autograd/registry.h"
#include "ops/batch_norm/batch_norm_op.h"
#include "ops/batch_norm_fold/batch_norm_fold_op.h"
#include "ops/infer.h"

namespace ockham {
namespace {

/// Rows 0 and 1 of direction d of a tensor [D*2, C].
template <class T>
std::pair<double, double> pair(const Tensor& rows, std::int64_t d, std::int64_t c) {
  const T* first = rows.data<T>() + d * 2 * rows.size(1);
  return {static_cast<double>(first[c]), static_cast<double>(first[rows.size(1) + c])};
}

template <class T>
FoldChannel channel(const BatchNormFold& op, const Saved& saved, std::int64_t c) {
  const auto [mean, variance] = pair<T>(saved[0], 0, c);
  return {mean, op.is_affine() ? static_cast<double>(saved[1].data<T>()[c]) : 1.0,
          1.0 / std::sqrt(variance + op.eps())};
}

template <class T>
FoldTangent tangent(const BatchNormFold& op, Inputs x_dot, std::int64_t C, std::int64_t d, std::int64_t c) {
  const auto of_parameter = [&](std::size_t input) {
    const bool moves = op.is_affine() && x_dot[input];
    return moves ? static_cast<double>(x_dot[input].data<T>()[d * C + c]) : 0.0;
  };
  const auto [mean, variance] = x_dot[0] ? pair<T>(x_dot[0], d, c) : std::pair(0.0, 0.0);
  return {mean, variance, of_parameter(BatchNormFold::kGamma), of_parameter(BatchNormFold::kBeta)};
}

}  // namespace

std::string BatchNormFold::attrs() const {
  return concat("eps=", eps_, is_affine_ ? " affine" : "");
}

std::vector<Spec> BatchNormFold::infer(std::span<const Spec> x) const {
  require_float(*this, x);
  const Shape& shape = x[0].shape;
  if (shape.rank() != 2 || shape[0] != 2)
    throw ShapeError(describe(*this, x) + ": m must be [2, C], the means and variances that moments gives.");
  for (const Spec& spec : x.subspan(1)) {
    if (spec.shape != Shape{shape[1]})
      throw ShapeError(
          concat(describe(*this, x), ": gamma and beta must be [", shape[1], "], one value per channel of m."));
  }
  if (!(eps_ >= 0.0))
    throw UsageError(describe(*this, x) + ": eps must be >= 0.");
  return {x[0]};
}

void BatchNormFold::forward(Inputs x, Outputs y, Saved& saved) const {
  saved.keep(x[0]);
  if (is_affine_)
    saved.keep(x[kGamma]);
  visit_float(x[0].dtype(), name(), [&]<class T>() {
    const std::int64_t C = x[0].size(1);
    for (std::int64_t c = 0; c < C; ++c) {
      const FoldChannel at = channel<T>(*this, saved, c);
      const double beta = is_affine_ ? static_cast<double>(x[kBeta].data<T>()[c]) : 0.0;
      y[0].data<T>()[c] = static_cast<T>(at.scale());
      y[0].data<T>()[C + c] = static_cast<T>(at.shift(beta));
    }
  });
}

void BatchNormFold::vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const {
  visit_float(saved[0].dtype(), name(), [&]<class T>() {
    const std::int64_t C = saved[0].size(1);
    const auto put = [&](std::size_t input, std::int64_t at, double value) {
      if (input >= x_bar.size() || !x_bar[input])
        return;
      T& target = x_bar[input].dst->data<T>()[at];
      target = static_cast<T>(x_bar[input].accumulate ? static_cast<double>(target) + value : value);
    };
    for (std::int64_t d = 0; d < D; ++d) {
      for (std::int64_t c = 0; c < C; ++c) {
        const auto [scale_bar, shift_bar] = pair<T>(y_bar[0], d, c);
        const FoldTangent bar = channel<T>(*this, saved, c).pulled(scale_bar, shift_bar);
        put(0, d * 2 * C + c, bar.mean);
        put(0, d * 2 * C + C + c, bar.variance);
        put(kGamma, d * C + c, bar.gamma);
        put(kBeta, d * C + c, bar.beta);
      }
    }
  });
}

void BatchNormFold::jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const {
  jvp_curvature(saved, D, {}, {}, x_dot, y_dot, {});
}

void BatchNormFold::curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs y_dot,
                              std::span<double> acc) const {
  Tensor again(y_dot[0].spec());
  jvp_curvature(saved, D, y_bar, {}, x_dot, {&again, 1}, acc);
}

/// Tangents, and curvature where acc has room for it.
void BatchNormFold::jvp_curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Outputs y_dot,
                                  std::span<double> acc) const {
  visit_float(saved[0].dtype(), name(), [&]<class T>() {
    const std::int64_t C = saved[0].size(1);
    for (std::int64_t c = 0; c < C; ++c) {
      const FoldChannel at = channel<T>(*this, saved, c);
      const auto [scale_bar, shift_bar] = acc.empty() ? std::pair(0.0, 0.0) : pair<T>(y_bar[0], 0, c);
      for (std::int64_t d = 0; d < D; ++d) {
        const FoldTangent t = tangent<T>(*this, x_dot, C, d, c);
        y_dot[0].data<T>()[d * 2 * C + c] = static_cast<T>(at.scale_dot(t));
        y_dot[0].data<T>()[d * 2 * C + C + c] = static_cast<T>(at.shift_dot(t));
        if (!acc.empty())
          acc[static_cast<std::size_t>(d)] += at.curvature(scale_bar, shift_bar, t);
      }
    }
  });
}

namespace {

std::vector<Tensor> reference(Inputs x, double eps) {
  const std::int64_t C = x[0].size(1);
  Tensor y(x[0].spec());
  for (std::int64_t c = 0; c < C; ++c) {
    const double gamma = x.size() == 3 ? x[1].data<double>()[c] : 1.0;
    const double beta = x.size() == 3 ? x[2].data<double>()[c] : 0.0;
    const double deviation = std::sqrt(x[0].data<double>()[C + c] + eps);
    y.data<double>()[c] = gamma / deviation;                                      // the norm's slope
    y.data<double>()[C + c] = beta - gamma * x[0].data<double>()[c] / deviation;  // the norm of x = 0
  }
  return {y};
}

auto maker(double eps, bool is_affine) {
  return [=] { return std::make_unique<BatchNormFold>(eps, is_affine); };
}

OpSample sample(const char* name, std::int64_t C, double eps, bool is_affine, double low, double high) {
  OpSample result{.name = name,
                  .make = maker(eps, is_affine),
                  .inputs = {{.shape = {2, C}, .low = low, .high = high}},
                  .reference = [=](Inputs in) { return reference(in, eps); }};
  if (is_affine)
    result.inputs.insert(result.inputs.end(), 2, {.shape = {C}});
  return result;
}

const Spec kM{{2, 3}, DType::kFloat32};
const Spec kC{{3}, DType::kFloat32};

OCKHAM_REGISTER_OP(
    batch_norm_fold,
    {.name = "batch_norm_fold",
     .samples = {sample("affine", 5, 1e-5, true, 0.5, 2.0), sample("not affine", 4, 1e-5, false, 0.5, 2.0),
                 sample("one channel, no eps", 1, 0.0, true, 0.5, 2.0),
                 sample("constant channels: variance 0", 3, 0.5, true, 0.0, 0.0)},
     .bad = {{maker(1e-5, false), {{{3, 3}, DType::kFloat32}}, {"batch_norm_fold", "float32[3,3]", "[2, C]"}},
             {maker(1e-5, false), {{{2}, DType::kFloat32}}, {"float32[2]", "must be [2, C]"}},
             {maker(1e-5, true), {kM, kC, {{4}, DType::kFloat32}}, {"float32[4]", "must be [3]"}},
             {maker(1e-5, true), {kM, kC, {{3}, DType::kFloat64}}, {"float64[3]", "one of them for all inputs"}},
             {maker(1e-5, true), {kM}, {"takes 3 inputs, got 1"}},
             {maker(-1.0, false), {kM}, {"eps=-1", "must be >= 0"}}},
     .is_serial = true});

}  // namespace

Variable batch_norm_fold(const Variable& m, const Variable& gamma, const Variable& beta, double eps) {
  const std::vector<Variable> inputs = batch_norm_inputs(m, gamma, beta);
  return record_one(std::make_shared<const BatchNormFold>(eps, inputs.size() == 3), inputs);
}

}  // namespace ockham
