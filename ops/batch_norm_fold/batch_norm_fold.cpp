// Per channel, with r = (var + eps)^(-1/2): s = gamma r, b = beta - mean s. Along a direction (a prime is d/dtau),
//   r' = -r^3 var'/2,   r'' = 3 r^5 var'^2/4,
//   s' = gamma' r + gamma r',   s'' = 2 gamma' r' + gamma r'',
//   b' = beta' - mean' s - mean s',   b'' = -2 mean' s' - mean s''.
// s reaches y directly and through b, hence everywhere with the cotangent s_bar - mean b_bar.
#include "ops/batch_norm_fold/batch_norm_fold.h"

#include <cmath>

#include "autograd/registry.h"
#include "autograd/side_interfaces.h"
#include "ops/batch_norm/batch_norm_op.h"
#include "ops/infer.h"

namespace ockham {
namespace {

class BatchNormFold : public Op, public HasJointCurvature {
 public:
  BatchNormFold(double eps, bool is_affine) : eps_(eps), is_affine_(is_affine) {}

  std::string_view name() const override { return "batch_norm_fold"; }
  std::string attrs() const override { return concat("eps=", eps_, is_affine_ ? " affine" : ""); }
  std::size_t input_count() const override { return is_affine_ ? 3 : 1; }
  /// Also where m is constant: a scale is one number for all samples, so R could not square their gradients apart.
  Algebra algebra() const override { return Algebra::kCurved; }
  bool is_parameter(std::size_t) const override { return true; }

  std::vector<Spec> infer(std::span<const Spec> x) const override {
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

  void forward(Inputs x, Outputs y, Saved& saved) const override {
    saved.keep(x[0]);
    if (is_affine_)
      saved.keep(x[kGamma]);
    visit_float(x[0].dtype(), name(), [&]<class T>() {
      const std::int64_t C = x[0].size(1);
      for (std::int64_t c = 0; c < C; ++c) {
        const Channel at = channel<T>(saved, c);
        const double beta = is_affine_ ? static_cast<double>(x[kBeta].data<T>()[c]) : 0.0;
        y[0].data<T>()[c] = static_cast<T>(at.scale());
        y[0].data<T>()[C + c] = static_cast<T>(beta - at.mean * at.scale());
      }
    });
  }

  void vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override {
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
          const Channel at = channel<T>(saved, c);
          const auto [scale_bar, shift_bar] = pair<T>(y_bar[0], d, c);
          const double through_scale = scale_bar - at.mean * shift_bar;
          put(0, d * 2 * C + c, -at.scale() * shift_bar);
          put(0, d * 2 * C + C + c, through_scale * at.gamma * at.r_dot(1.0));
          put(kGamma, d * C + c, through_scale * at.r);
          put(kBeta, d * C + c, shift_bar);
        }
      }
    });
  }

  void jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override {
    push(saved, D, {}, x_dot, y_dot, {});
  }
  void curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs y_dot,
                 std::span<double> acc) const override {
    Tensor again(y_dot[0].spec());
    push(saved, D, y_bar, x_dot, {&again, 1}, acc);
  }
  void jvp_curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Outputs y_dot,
                     std::span<double> acc) const override {
    push(saved, D, y_bar, x_dot, y_dot, acc);
  }

 private:
  static constexpr std::size_t kGamma = 1;  // positions of the inputs, where affine
  static constexpr std::size_t kBeta = 2;

  struct Tangent {
    double mean, variance, gamma, beta;
  };

  struct Channel {
    double mean, gamma, r;
    double scale() const { return gamma * r; }
    double r_dot(double variance_dot) const { return -0.5 * r * r * r * variance_dot; }
    double scale_dot(const Tangent& t) const { return t.gamma * r + gamma * r_dot(t.variance); }
    double scale_ddot(const Tangent& t) const {
      const double relative = r * r * t.variance;
      return 2.0 * t.gamma * r_dot(t.variance) + gamma * 0.75 * r * relative * relative;
    }
  };

  /// Tangents, and curvature where acc has room for it.
  void push(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_dot, Outputs y_dot,
            std::span<double> acc) const {
    visit_float(saved[0].dtype(), name(), [&]<class T>() {
      const std::int64_t C = saved[0].size(1);
      for (std::int64_t c = 0; c < C; ++c) {
        const Channel at = channel<T>(saved, c);
        const auto [scale_bar, shift_bar] = acc.empty() ? std::pair(0.0, 0.0) : pair<T>(y_bar[0], 0, c);
        for (std::int64_t d = 0; d < D; ++d) {
          const Tangent t = tangent<T>(x_dot, C, d, c);
          const double s_dot = at.scale_dot(t);
          y_dot[0].data<T>()[d * 2 * C + c] = static_cast<T>(s_dot);
          y_dot[0].data<T>()[d * 2 * C + C + c] = static_cast<T>(t.beta - t.mean * at.scale() - at.mean * s_dot);
          if (!acc.empty())
            acc[static_cast<std::size_t>(d)] +=
                (scale_bar - at.mean * shift_bar) * at.scale_ddot(t) - 2.0 * shift_bar * t.mean * s_dot;
        }
      }
    });
  }

  /// Rows 0 and 1 of direction d of a tensor [D*2, C].
  template <class T>
  static std::pair<double, double> pair(const Tensor& rows, std::int64_t d, std::int64_t c) {
    const T* first = rows.data<T>() + d * 2 * rows.size(1);
    return {static_cast<double>(first[c]), static_cast<double>(first[rows.size(1) + c])};
  }

  template <class T>
  Channel channel(const Saved& saved, std::int64_t c) const {
    const auto [mean, variance] = pair<T>(saved[0], 0, c);
    return {mean, is_affine_ ? static_cast<double>(saved[1].data<T>()[c]) : 1.0, 1.0 / std::sqrt(variance + eps_)};
  }

  template <class T>
  Tangent tangent(Inputs x_dot, std::int64_t C, std::int64_t d, std::int64_t c) const {
    const auto of_parameter = [&](std::size_t input) {
      const bool moves = is_affine_ && x_dot[input];
      return moves ? static_cast<double>(x_dot[input].data<T>()[d * C + c]) : 0.0;
    };
    const auto [mean, variance] = x_dot[0] ? pair<T>(x_dot[0], d, c) : std::pair(0.0, 0.0);
    return {mean, variance, of_parameter(kGamma), of_parameter(kBeta)};
  }

  const double eps_;
  const bool is_affine_;
};

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
