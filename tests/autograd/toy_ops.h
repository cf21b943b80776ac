#pragma once
// Ops whose declarations or passes a test may falsify.
#include <memory>

#include "autograd/op_classes.h"
#include "autograd/registry.h"
#include "engine/math.h"
#include "engine/parallel.h"

namespace ockham::test {

/// A pass that is wrong.
enum class Fault {
  kNone,
  kValue,           ///< forward is off by a constant
  kVjp,             ///< the cotangent of x is too large
  kOverwrites,      ///< vjp does not add where it should
  kCurvature,       ///< too large
  kOneDirection,    ///< jvp takes the first direction for all
  kSumsOfChannels,  ///< weight_diagonal is wrong where it sums by channel
};

/// What SquaredScale says of itself; as it stands, all of it is true.
struct Claims {
  Algebra algebra = Algebra::kCurved;
  bool couples = false;
  bool x_is_shared = false, s_is_shared = true;
  bool s_has_derivative = true;
  Fault fault = Fault::kNone;
};

/// y = x s^2 with samples x [N, C] and one shared factor s of one element.
class SquaredScale : public Op {
 public:
  explicit SquaredScale(const Claims& claims) : claims_(claims) {}

  std::string_view name() const override { return "squared_scale"; }
  std::size_t input_count() const override { return 2; }
  Algebra algebra() const override { return claims_.algebra; }
  bool is_parameter(std::size_t input) const override { return input == 0 ? claims_.x_is_shared : claims_.s_is_shared; }
  bool couples_samples() const override { return claims_.couples; }
  bool is_differentiable(std::size_t input) const override { return input == 0 || claims_.s_has_derivative; }

  std::vector<Spec> infer(std::span<const Spec> x) const override {
    if (x[1].shape.numel() != 1)
      throw ShapeError(describe(*this, x) + ": s must have one element.");
    return {x[0]};
  }

  void forward(Inputs x, Outputs y, Saved& saved) const override {
    saved.keep(x[0], x[1]);
    times(x[0], x[1].item() * x[1].item(), y[0]);
    if (claims_.fault == Fault::kValue)
      put(y[0], 0, at(y[0], 0) + 1e-6);
  }

  void vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override {
    const double s = saved[1].item();
    if (x_bar[0]) {
      Tensor g(y_bar[0].spec());
      times(y_bar[0], claims_.fault == Fault::kVjp ? 1.001 * s * s : s * s, g);
      if (claims_.fault == Fault::kOverwrites)
        *x_bar[0].dst = std::move(g);
      else
        x_bar[0].add(std::move(g));
    }
    if (!x_bar[1])
      return;
    Tensor g(with_directions(saved[1].shape(), D), saved[1].dtype());
    for (std::int64_t d = 0; d < D; ++d)
      put(g, d, 2.0 * s * product(saved[0], 0, y_bar[0], d, saved[0].numel()));
    x_bar[1].add(std::move(g));
  }

  void jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override {
    const double s = saved[1].item();
    const std::int64_t n = saved[0].numel();
    for (std::int64_t i = 0; i < D * n; ++i) {
      const std::int64_t from = claims_.fault == Fault::kOneDirection ? i % n : i;
      const double by_x = x_dot[0] ? s * s * at(x_dot[0], from) : 0.0;
      const double by_s = x_dot[1] ? 2.0 * s * at(x_dot[1], from / n) * at(saved[0], i % n) : 0.0;
      put(y_dot[0], i, by_x + by_s);
    }
  }

  /// D2f[t, t] = 2 x t_s^2 + 4 s t_x t_s
  void curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs,
                 std::span<double> acc) const override {
    const std::int64_t n = saved[0].numel();
    for (std::int64_t d = 0; x_dot[1] && d < D; ++d) {
      const double t = at(x_dot[1], d);
      const double factor = claims_.fault == Fault::kCurvature ? 2.002 : 2.0;
      acc[static_cast<std::size_t>(d)] += factor * t * t * product(y_bar[0], 0, saved[0], 0, n);
      if (x_dot[0])
        acc[static_cast<std::size_t>(d)] += 4.0 * saved[1].item() * t * product(y_bar[0], 0, x_dot[0], d, n);
    }
  }

  void weight_diagonal(const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input, Grouping grouping,
                       Tensor& H) const override {
    if (input != 1)
      return Op::weight_diagonal(saved, D, y_bar, input, grouping, H);
    const std::int64_t samples = saved[0].size(0), row = saved[0].numel() / samples;
    for (std::int64_t r = 0; r < D * samples; ++r) {
      const double gradient = 2.0 * saved[1].item() * product(saved[0], r % samples, y_bar[0], r, row);
      const bool is_wrong = claims_.fault == Fault::kSumsOfChannels && grouping == Grouping::kChannel;
      H.data<double>()[0] += is_wrong ? 0.0 : gradient * gradient;
    }
  }

 private:
  static double at(const Tensor& t, std::int64_t i) {
    return visit_float(t.dtype(), "toy", [&]<class T>() { return static_cast<double>(t.data<T>()[i]); });
  }
  static void put(Tensor& t, std::int64_t i, double value) {
    visit_float(t.dtype(), "toy", [&]<class T>() { t.data<T>()[i] = static_cast<T>(value); });
  }
  static void times(const Tensor& x, double factor, Tensor& y) {
    for (std::int64_t i = 0; i < x.numel(); ++i)
      put(y, i, factor * at(x, i));
  }
  /// <a, b> of piece i of a and piece j of b, n elements each.
  static double product(const Tensor& a, std::int64_t i, const Tensor& b, std::int64_t j, std::int64_t n) {
    double total = 0.0;
    for (std::int64_t k = 0; k < n; ++k)
      total += at(a, i * n + k) * at(b, j * n + k);
    return total;
  }

  const Claims claims_;
};

inline OpSample squared_scale(const Claims& claims) {
  return {.name = "toy",
          .make = [=] { return std::make_unique<SquaredScale>(claims); },
          .inputs = {{.shape = {3, 4}}, {.shape = {1, 1}}},
          .reference =
              [](Inputs x) {
                Tensor y = x[0].clone();
                for (double& value : y.span<double>())
                  value *= x[1].item() * x[1].item();
                return std::vector<Tensor>{y};
              },
          .diagonal_inputs = claims.s_has_derivative ? std::vector<std::size_t>{1} : std::vector<std::size_t>{}};
}

/// A linear map of one input in float or double, with its adjoint.
class ToyMap : public LinearOp {
 public:
  std::string_view name() const override { return "toy_map"; }
  std::vector<Spec> infer(std::span<const Spec> x) const override { return {x[0]}; }
  void forward(Inputs x, Outputs y, Saved& saved) const override {
    saved.keep(x[0]);
    apply(saved, 1, x[0], y[0]);
  }

 protected:
  void apply(const Saved& saved, std::int64_t D, const Tensor& x, Tensor& y) const override {
    visit_float(x.dtype(), name(), [&]<class T>() {
      const std::int64_t n = x.numel() / D;
      for (std::int64_t d = 0; d < D; ++d) {
        std::vector<double> from(x.data<T>() + d * n, x.data<T>() + (d + 1) * n);
        map(saved, from);
        std::ranges::transform(from, y.data<T>() + d * n, [](double value) { return static_cast<T>(value); });
      }
    });
  }
  /// All maps here are symmetric.
  void transpose(const Saved& saved, std::int64_t D, const Tensor& y_bar, GradSlot x_bar) const override {
    Tensor g(y_bar.spec());
    apply(saved, D, y_bar, g);
    x_bar.add(std::move(g));
  }

  /// x := A x
  virtual void map(const Saved& saved, std::vector<double>& x) const = 0;
};

/// y = x + the sum of all its elements.
class AddsTotal : public ToyMap {
 public:
  explicit AddsTotal(bool says_so, bool by_threads = false) : says_so_(says_so), by_threads_(by_threads) {}
  bool couples_samples() const override { return says_so_; }

 protected:
  void map(const Saved&, std::vector<double>& x) const override {
    const std::int64_t n = std::ssize(x);
    // A chunk for each thread is what no op may do: where the sum is cut decides how it is rounded.
    const std::int64_t grain = by_threads_ ? std::max<std::int64_t>(4096, n / thread_count()) : 4096;
    const double total = parallel_sum(n, grain, [&](std::int64_t begin, std::int64_t end) {
      double part = 0.0;
      for (std::int64_t i = begin; i < end; ++i)
        part += x[static_cast<std::size_t>(i)];
      return part;
    });
    for (double& value : x)
      value += total;
  }

 private:
  const bool says_so_;
  const bool by_threads_;
};

inline OpSample adds_total(bool says_so, bool by_threads = false) {
  return {.name = "toy",
          .make = [=] { return std::make_unique<AddsTotal>(says_so, by_threads); },
          .inputs = {{.shape = {3, 5}}},
          .reference =
              [](Inputs x) {
                Tensor y = x[0].clone();
                for (double& value : y.span<double>()) {
                  for (double other : x[0].span<double>())
                    value += other;
                }
                return std::vector<Tensor>{y};
              }};
}

/// y = |x|, linear within a piece.
class Magnitude : public ToyMap {
 public:
  explicit Magnitude(Smoothness claim) : claim_(claim) {}
  Smoothness smoothness() const override { return claim_; }

 protected:
  void map(const Saved& saved, std::vector<double>& x) const override {
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto at = static_cast<std::int64_t>(i);
      const bool is_negative =
          visit_float(saved[0].dtype(), name(), [&]<class T>() { return saved[0].data<T>()[at] < T(0); });
      x[i] = is_negative ? -x[i] : x[i];
    }
  }

 private:
  const Smoothness claim_;
};

inline OpSample magnitude(Smoothness claim) {
  return {.name = "toy",
          .make = [=] { return std::make_unique<Magnitude>(claim); },
          .inputs = {{.shape = {3, 5}, .draw = Draw::kAwayFromZero}},
          .reference =
              [](Inputs x) {
                Tensor y = x[0].clone();
                for (double& value : y.span<double>())
                  value = value < 0.0 ? -value : value;
                return std::vector<Tensor>{y};
              }};
}

/// y = x where the label is odd, else 0: a linear map with an input that has no derivative.
class OddOnly : public ToyMap {
 public:
  explicit OddOnly(bool label_has_derivative) : label_has_derivative_(label_has_derivative) {}
  std::size_t input_count() const override { return 2; }
  bool is_differentiable(std::size_t input) const override { return input == 0 || label_has_derivative_; }
  void forward(Inputs x, Outputs y, Saved& saved) const override {
    saved.keep(x[1]);
    apply(saved, 1, x[0], y[0]);
  }

 protected:
  void map(const Saved& saved, std::vector<double>& x) const override {
    for (std::size_t i = 0; i < x.size(); ++i)
      x[i] *= static_cast<double>(saved[0].data<std::int64_t>()[i] % 2);
  }

 private:
  const bool label_has_derivative_;
};

inline OpSample odd_only(bool label_has_derivative) {
  return {.name = "toy",
          .make = [=] { return std::make_unique<OddOnly>(label_has_derivative); },
          .inputs = {{.shape = {7}}, {.shape = {7}, .draw = Draw::kLabels, .high = 4}},
          .reference =
              [](Inputs x) {
                Tensor y = x[0].clone();
                for (std::int64_t i = 0; i < y.numel(); ++i)
                  y.data<double>()[i] *= static_cast<double>(x[1].data<std::int64_t>()[i] % 2);
                return std::vector<Tensor>{y};
              }};
}

/// What the second output of Twice does, and what is said of it.
struct SecondOutput {
  bool has_tangent = true, passes_cotangents_on = true, says_has_derivative = true;
};

/// Outputs x and x again.
class Twice : public Op {
 public:
  explicit Twice(const SecondOutput& second) : second_(second) {}
  std::string_view name() const override { return "twice"; }
  Algebra algebra() const override { return Algebra::kLinear; }
  bool has_derivative(std::size_t output) const override { return output == 0 || second_.says_has_derivative; }
  std::vector<Spec> infer(std::span<const Spec> x) const override { return {x[0], x[0]}; }
  void forward(Inputs x, Outputs y, Saved&) const override {
    copy(x[0], y[0]);
    copy(x[0], y[1]);
  }
  void vjp(const Saved&, std::int64_t, Inputs y_bar, std::span<GradSlot> x_bar) const override {
    if (!x_bar[0])
      return;
    x_bar[0].add(y_bar[0] ? y_bar[0] : Tensor::zeros(x_bar[0].dst->shape(), x_bar[0].dst->dtype()));
    if (second_.passes_cotangents_on && y_bar[1])
      GradSlot{x_bar[0].dst, true}.add(y_bar[1]);
  }
  void jvp(const Saved&, std::int64_t, Inputs x_dot, Outputs y_dot) const override {
    copy(x_dot[0], y_dot[0]);
    second_.has_tangent ? copy(x_dot[0], y_dot[1]) : fill(y_dot[1], 0.0);
  }
  void curvature(const Saved&, std::int64_t, Inputs, Inputs, Inputs, Inputs, std::span<double>) const override {}

 private:
  const SecondOutput second_;
};

inline OpSample twice(const SecondOutput& second) {
  return {.name = "toy",
          .make = [=] { return std::make_unique<Twice>(second); },
          .inputs = {{.shape = {3, 5}}},
          .reference =
              [](Inputs x) {
                return std::vector<Tensor>{x[0].clone(), x[0].clone()};
              }};
}

}  // namespace ockham::test
