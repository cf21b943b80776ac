#include "autograd/gradcheck.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "engine/math.h"
#include "engine/parallel.h"
#include "engine/random.h"

namespace ockham {
namespace {

using Tensors = std::vector<Tensor>;

double relative(double a, double b) {
  return std::abs(a - b) / std::max({1.0, std::abs(a), std::abs(b)});
}

/// Largest difference over the largest entry (at least 1).
double distance(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape())
    return std::numeric_limits<double>::infinity();
  Tensor difference = a.to(DType::kFloat64).clone();
  axpy(-1.0, b.to(DType::kFloat64), difference);
  return max_abs(difference) / std::max(1.0, max_abs(b));
}

double distance(const Tensors& a, const Tensors& b) {
  double worst = a.size() == b.size() ? 0.0 : std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (a[i].is_defined() && b[i].is_defined())
      worst = std::max(worst, distance(a[i], b[i]));
  }
  return worst;
}

bool is_equal_bits(const Tensors& a, const Tensors& b) {
  return std::ranges::equal(a, b, [](const Tensor& x, const Tensor& y) {
    return x.is_defined() == y.is_defined() &&
           (!x || std::memcmp(x.span<double>().data(), y.span<double>().data(), x.nbytes()) == 0);
  });
}

Tensor noise(const Shape& shape, std::uint64_t seed, std::uint64_t stream) {
  Tensor t(shape, DType::kFloat64);
  fill_normal(t, {seed, Purpose::kTest, stream});
  return t;
}

Tensor direction(const Tensor& all, std::int64_t d, const Shape& shape) {
  const std::int64_t n = shape.numel();
  return all.reshape({-1}).slice(0, d * n, (d + 1) * n).clone().reshape(with_directions(shape, 1));
}

/// One op at one point, in one dtype.
class Point {
 public:
  Point(const Op& op, Tensors x) : op_(op), x_(std::move(x)) {
    std::vector<Spec> specs;
    for (const Tensor& t : x_)
      specs.push_back(t.spec());
    y_specs_ = op.infer(specs);
    for (const Spec& spec : y_specs_)
      y_.push_back(poisoned(spec));
    op.forward(x_, y_, saved_);
  }

  const Tensors& x() const { return x_; }
  const Tensors& y() const { return y_; }
  const Saved& saved() const { return saved_; }
  bool is_wanted(std::size_t i) const { return is_compute_type(x_[i].dtype()) && op_.is_differentiable(i); }
  /// A cotangent for each output that has a derivative.
  Tensors y_bar(std::int64_t D, std::uint64_t seed) const {
    Tensors result(y_.size());
    for (std::size_t i = 0; i < y_.size(); ++i) {
      if (op_.has_derivative(i))
        result[i] = noise(with_directions(y_[i].shape(), D), seed, 77 + i).to(y_[i].dtype());
    }
    return result;
  }
  /// Those of all outputs that have a derivative; the others undefined.
  Tensors differentiable(Tensors outputs) const {
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (!op_.has_derivative(i))
        outputs[i] = Tensor();
    }
    return outputs;
  }
  Tensors x_dot(std::int64_t D, std::uint64_t seed) const {
    Tensors result(x_.size());
    for (std::size_t i = 0; i < x_.size(); ++i) {
      if (is_wanted(i))
        result[i] = noise(with_directions(x_[i].shape(), D), seed, 100 + i).to(x_[i].dtype());
    }
    return result;
  }

  /// factor: of y_bar[0], see Op::vjp_scaled; undefined: none.
  Tensors vjp(std::int64_t D, const Tensors& y_bar, const Tensor& factor = {}) const {
    Tensors result(x_.size());
    std::vector<GradSlot> slots(x_.size());
    for (std::size_t i = 0; i < x_.size(); ++i) {
      if (!is_wanted(i))
        continue;
      result[i] = poisoned({with_directions(x_[i].shape(), D), x_[i].dtype()});
      slots[i] = {&result[i], false};
    }
    factor ? op_.vjp_scaled(saved_, D, y_bar, factor, slots) : op_.vjp(saved_, D, y_bar, slots);
    return result;
  }

  Tensors jvp(std::int64_t D, const Tensors& x_dot) const {
    Tensors result;
    for (const Spec& spec : y_specs_)
      result.push_back(poisoned({with_directions(spec.shape, D), spec.dtype}));
    op_.jvp(saved_, D, x_dot, result);
    return differentiable(std::move(result));
  }

  std::vector<double> curvature(std::int64_t D, const Tensors& y_bar, const Tensors& x_dot) const {
    std::vector<double> acc(static_cast<std::size_t>(D));
    if (!op_.curved())
      return acc;
    const Tensors y_dot = jvp(D, x_dot);
    const Tensors x_bar = op_.curvature_reads_x_bar() ? vjp(1, y_bar) : Tensors(x_.size());
    op_.curvature(saved_, D, y_bar, x_bar, x_dot, y_dot, acc);
    return acc;
  }

  /// How far jvp_curvature() is from jvp() and curvature().
  double together_error(std::int64_t D, const Tensors& y_bar, const Tensors& x_dot) const {
    if (!op_.curved())
      return 0.0;
    Tensors y_dot;
    for (const Spec& spec : y_specs_)
      y_dot.push_back(poisoned({with_directions(spec.shape, D), spec.dtype}));
    std::vector<double> acc(static_cast<std::size_t>(D));
    const Tensors x_bar = op_.curvature_reads_x_bar() ? vjp(1, y_bar) : Tensors(x_.size());
    op_.jvp_curvature(saved_, D, y_bar, x_bar, x_dot, y_dot, acc);
    double worst = distance(differentiable(std::move(y_dot)), jvp(D, x_dot));
    const std::vector<double> apart = curvature(D, y_bar, x_dot);
    for (std::size_t d = 0; d < acc.size(); ++d)
      worst = std::max(worst, relative(acc[d], apart[d]));
    return worst;
  }

  static Tensor poisoned(const Spec& spec) {
    Tensor t(spec);
    if (is_compute_type(spec.dtype))
      fill(t, std::numeric_limits<double>::quiet_NaN());
    return t;
  }

 private:
  const Op& op_;
  Tensors x_;
  std::vector<Spec> y_specs_;
  Tensors y_;
  Saved saved_;
};

double dot_all(const Tensors& a, const Tensors& b) {
  double total = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] && b[i])
      total += dot(a[i].reshape({-1}), b[i].reshape({-1}));
  }
  return total;
}

Tensors moved(const Tensors& x, double step, const Tensors& along) {
  Tensors result;
  for (std::size_t i = 0; i < x.size(); ++i) {
    result.push_back(x[i] ? x[i].clone() : Tensor());
    if (along[i])
      axpy(step, along[i].reshape(x[i].shape()), result[i]);
  }
  return result;
}

class Checker {
 public:
  Checker(const OpSample& sample, std::uint64_t seed)
      : sample_(sample), seed_(seed), op_(sample.make()), point_(*op_, draw_inputs(sample, seed)) {}

  std::vector<CheckResult> run() {
    add("shape", shape_error(), 0.0);
    add("value", distance(point_.differentiable(point_.y()), point_.differentiable(sample_.reference(point_.x()))),
        1e-12);
    add("jvp", jvp_error(), 1e-8);
    add("transpose", transpose_error(), 1e-12);
    add("curvature", curvature_error(), 1e-7);
    add("together", point_.together_error(3, point_.y_bar(1, seed_), point_.x_dot(3, seed_)), 1e-12);
    add("algebra", algebra_error(), 1e-12);
    add("directions", directions_error(), 1e-12);
    add("slots", slots_error(), 1e-12);
    for (std::size_t input : sample_.diagonal_inputs)
      add(concat("diagonal of input ", input), diagonal_error(input), 1e-12);
    if (sample_.has_recursion)
      add("recursion", recursion_error(), 1e-10);
    add("repeat", repeat_error(), 0.0);
    std::int64_t longest = 1;
    for (const Tensor& t : point_.x())
      longest = std::max(longest, t.numel());
    add("float32", float32_error(), 1e-5 * std::sqrt(static_cast<double>(longest)));
    return results_;
  }

 private:
  void add(std::string name, double error, double tolerance) {
    results_.push_back({std::move(name), error, tolerance});
  }

  double shape_error() const {
    return std::ranges::all_of(point_.y(), [](const Tensor& y) { return !is_compute_type(y.dtype()) || is_finite(y); })
               ? 0.0
               : 1.0;
  }

  double jvp_error() const {
    const Tensors t = point_.x_dot(1, seed_);
    const Tensors g = point_.y_bar(1, seed_);
    const Point plus(*op_, moved(point_.x(), kStep, t));
    const Point minus(*op_, moved(point_.x(), -kStep, t));
    const double difference = (dot_all(g, plus.y()) - dot_all(g, minus.y())) / (2.0 * kStep);
    return relative(difference, dot_all(g, point_.jvp(1, t)));
  }

  double transpose_error() const {
    const Tensors t = point_.x_dot(1, seed_);
    const Tensors g = point_.y_bar(1, seed_);
    return relative(dot_all(g, point_.jvp(1, t)), dot_all(point_.vjp(1, g), t));
  }

  double curvature_error() const {
    const Tensors t = point_.x_dot(1, seed_);
    const Tensors g = point_.y_bar(1, seed_);
    const Point plus(*op_, moved(point_.x(), kStep, t));
    const Point minus(*op_, moved(point_.x(), -kStep, t));
    const double difference = (dot_all(g, plus.jvp(1, t)) - dot_all(g, minus.jvp(1, t))) / (2.0 * kStep);
    return relative(difference, point_.curvature(1, g, t)[0]);
  }

  double algebra_error() const {
    Tensors t = point_.x_dot(1, seed_);
    Tensors g = point_.y_bar(1, seed_);
    const double base = point_.curvature(1, g, t)[0];
    for (Tensor& direction_tensor : t) {
      if (direction_tensor)
        scale(direction_tensor, -3.0);
    }
    const double by_direction = relative(point_.curvature(1, g, t)[0] / 9.0, base);
    for (Tensor& cotangent : g) {
      if (cotangent)
        scale(cotangent, 0.5);
    }
    return std::max(by_direction, relative(point_.curvature(1, g, t)[0] / 4.5, base));
  }

  double directions_error() const {
    constexpr std::int64_t kD = 5;  // kernels take up to four at once
    const Tensors t = point_.x_dot(kD, seed_);
    const Tensors g = point_.y_bar(kD, seed_);
    const Tensors g1 = point_.y_bar(1, seed_);
    const Tensors y_dot = point_.jvp(kD, t);
    const Tensors x_bar = point_.vjp(kD, g);
    const std::vector<double> acc = point_.curvature(kD, g1, t);
    double worst = 0.0;
    for (std::int64_t d = 0; d < kD; ++d) {
      Tensors td(t.size());
      for (std::size_t i = 0; i < t.size(); ++i) {
        if (t[i])
          td[i] = direction(t[i], d, point_.x()[i].shape());
      }
      Tensors gd(g.size());
      const Tensors y_dot_d = point_.jvp(1, td);
      for (std::size_t i = 0; i < g.size(); ++i) {
        if (!g[i])
          continue;
        gd[i] = direction(g[i], d, point_.y()[i].shape());
        worst = std::max(worst, distance(direction(y_dot[i], d, point_.y()[i].shape()), y_dot_d[i]));
      }
      const Tensors one = point_.vjp(1, gd);
      for (std::size_t i = 0; i < one.size(); ++i) {
        if (one[i])
          worst = std::max(worst, distance(direction(x_bar[i], d, point_.x()[i].shape()), one[i]));
      }
      worst = std::max(worst, relative(acc[static_cast<std::size_t>(d)], point_.curvature(1, g1, td)[0]));
    }
    return worst;
  }

  /// vjp_scaled() against a cotangent that is multiplied out.
  double scaled_error(const Tensors& g) const {
    if (!op_->takes_scaled())
      return 0.0;
    const Tensor factor = noise({g[0].size(1)}, seed_, 400);
    Tensors multiplied = g;
    multiplied[0] = times_channels(g[0], factor);
    return distance(point_.vjp(2, g, factor), point_.vjp(2, multiplied));
  }

  /// Cotangents left scaled against those that are not.
  double offered_error(const Tensors& g, const Tensors& wanted) const {
    Tensors x_bar(wanted.size()), factors(wanted.size());
    std::vector<GradSlot> slots(wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (wanted[i] && op_->may_scale(i))
        slots[i] = {&x_bar[i], false, &factors[i]};
    }
    if (std::ranges::none_of(slots, [](const GradSlot& slot) { return static_cast<bool>(slot); }))
      return 0.0;
    op_->vjp(point_.saved(), 2, g, slots);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (x_bar[i])
        x_bar[i] = times_channels(x_bar[i], factors[i]);
    }
    return distance(x_bar, wanted);
  }

  double slots_error() const {
    constexpr std::int64_t kD = 2;
    const Tensors g = point_.y_bar(kD, seed_);
    const Tensors t = point_.x_dot(kD, seed_);
    const Tensors wanted = point_.vjp(kD, g);
    Tensors sum_of_parts;
    double worst = 0.0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (!wanted[i])
        continue;
      // One slot alone, added to noise.
      const Tensor base = noise(wanted[i].shape(), seed_, 300 + i);
      Tensor target = base.clone();
      std::vector<GradSlot> slots(wanted.size());
      slots[i] = {&target, true};
      op_->vjp(point_.saved(), kD, g, slots);
      axpy(-1.0, base, target);
      worst = std::max(worst, distance(target, wanted[i]));
      // One tangent alone; by linearity the parts sum to the whole.
      Tensors alone(t.size());
      alone[i] = t[i];
      const Tensors part = point_.jvp(kD, alone);
      sum_of_parts = sum_of_parts.empty() ? moved(part, 0.0, Tensors(part.size())) : moved(sum_of_parts, 1.0, part);
    }
    worst = std::max({worst, scaled_error(g), offered_error(g, wanted)});
    return std::max(worst, distance(sum_of_parts, point_.jvp(kD, t)));
  }

  /// Of the first output: what samples couple through has no gradient per sample.
  double diagonal_error(std::size_t input) const {
    if (!op_->is_parameter(input))
      return std::numeric_limits<double>::infinity();
    constexpr std::int64_t kD = 2;
    const Tensors g = point_.y_bar(kD, seed_);
    const Shape& shape = point_.x()[input].shape();
    const std::int64_t samples = point_.y()[0].size(0);
    const std::int64_t row = point_.y()[0].numel() / std::max<std::int64_t>(1, samples);
    Tensor entries = Tensor::zeros(shape, DType::kFloat64);
    for (std::int64_t r = 0; r < kD * samples; ++r) {
      Tensors masked(g.size());
      masked[0] = Tensor::zeros(g[0].shape(), DType::kFloat64);
      std::copy_n(g[0].data<double>() + r * row, row, masked[0].data<double>() + r * row);
      const Tensor gradient = point_.vjp(kD, masked)[input];
      const double* values = gradient.data<double>() + (r / samples) * shape.numel();
      for (std::int64_t i = 0; i < shape.numel(); ++i)
        entries.data<double>()[i] += values[i] * values[i];
    }
    double worst = 0.0;
    for (Grouping grouping : {Grouping::kEntry, Grouping::kFilter, Grouping::kChannel, Grouping::kLayer}) {
      if (grouping == Grouping::kChannel && shape.rank() < 2)
        continue;
      if (grouping == Grouping::kFilter && shape.rank() < 1)
        continue;
      Tensor H = Tensor::zeros(grouped_shape(shape, grouping), DType::kFloat64);
      op_->weight_diagonal(point_.saved(), kD, g, input, grouping, H);
      worst = std::max(worst, distance(H, grouped(entries, grouping)));
    }
    return worst;
  }

  static Tensor grouped(const Tensor& entries, Grouping grouping) {
    if (grouping == Grouping::kEntry)
      return entries;
    Tensor result = Tensor::zeros(grouped_shape(entries.shape(), grouping), DType::kFloat64);
    const auto strides = entries.shape().row_major_strides();
    const int dim = grouping == Grouping::kChannel ? 1 : 0;
    for (std::int64_t i = 0; i < entries.numel(); ++i) {
      const std::int64_t at =
          grouping == Grouping::kLayer ? 0 : i / strides[static_cast<std::size_t>(dim)] % entries.size(dim);
      result.data<double>()[at] += entries.data<double>()[i];
    }
    return result;
  }

  double recursion_error() const {
    const Tensors g = point_.y_bar(1, seed_);
    Tensors h(point_.y().size());
    h[0] = noise(point_.y()[0].shape(), seed_, 55);
    double worst = 0.0;
    for (std::size_t i = 0; i < point_.x().size(); ++i) {
      if (!point_.is_wanted(i))
        continue;
      const Shape& shape = point_.x()[i].shape();
      const std::int64_t n = shape.numel();
      Tensors unit(point_.x().size());
      unit[i] = Tensor::zeros(with_directions(shape, n), DType::kFloat64);
      for (std::int64_t e = 0; e < n; ++e)
        unit[i].data<double>()[e * n + e] = 1.0;
      const Tensor J = point_.jvp(n, unit)[0];  // row e: column e of the Jacobian
      const std::vector<double> own = point_.curvature(n, g, unit);
      Tensor expected(shape, DType::kFloat64);
      const std::int64_t m = point_.y()[0].numel();
      for (std::int64_t e = 0; e < n; ++e) {
        double total = own[static_cast<std::size_t>(e)];
        for (std::int64_t j = 0; j < m; ++j)
          total += J.data<double>()[e * m + j] * J.data<double>()[e * m + j] * h[0].data<double>()[j];
        expected.data<double>()[e] = total;
      }
      Tensor target = Point::poisoned({shape, DType::kFloat64});
      std::vector<GradSlot> slots(point_.x().size());
      slots[i] = {&target, false};
      op_->recursion(point_.saved(), {}, g, h, slots);
      worst = std::max(worst, distance(target, expected));
    }
    return worst;
  }

  Tensors everything() const {
    const Point again(*op_, point_.x());
    Tensors all = again.differentiable(again.y());
    for (const Tensor& t : again.vjp(2, again.y_bar(2, seed_)))
      all.push_back(t);
    for (const Tensor& t : again.jvp(2, again.x_dot(2, seed_)))
      all.push_back(t);
    all.push_back(Tensor::from(again.curvature(2, again.y_bar(1, seed_), again.x_dot(2, seed_)), {2}));
    return all;
  }

  double repeat_error() const {
    const int before = thread_count();
    set_thread_count(1);
    const Tensors one = everything();
    set_thread_count(2);
    const Tensors two = everything();
    set_thread_count(before);
    return is_equal_bits(one, two) && is_equal_bits(two, everything()) ? 0.0 : 1.0;
  }

  double float32_error() const {
    Tensors x;
    for (const Tensor& t : point_.x())
      x.push_back(is_compute_type(t.dtype()) ? t.to(DType::kFloat32) : t);
    const Point single(*op_, x);
    double worst = distance(single.differentiable(single.y()), point_.differentiable(point_.y()));
    worst = std::max(worst, distance(single.vjp(2, single.y_bar(2, seed_)), point_.vjp(2, point_.y_bar(2, seed_))));
    return std::max(worst, distance(single.jvp(2, single.x_dot(2, seed_)), point_.jvp(2, point_.x_dot(2, seed_))));
  }

  static constexpr double kStep = 1e-5;
  const OpSample& sample_;
  std::uint64_t seed_;
  std::unique_ptr<Op> op_;
  Point point_;
  std::vector<CheckResult> results_;
};

Tensor draw(const InputDraw& input, const RandomKey& key) {
  if (input.draw == Draw::kLabels) {
    Tensor labels(input.shape, DType::kInt64);
    for (std::int64_t i = 0; i < labels.numel(); ++i)
      labels.data<std::int64_t>()[i] = static_cast<std::int64_t>(
          random_below(key, static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(input.high)));
    return labels;
  }
  Tensor x(input.shape, DType::kFloat64);
  fill_uniform(x, key, input.low, input.high);
  if (input.draw == Draw::kAwayFromZero) {
    for (double& v : x.span<double>())
      v += std::copysign(0.05, v);
  }
  if (input.draw == Draw::kSeparated) {
    std::vector<std::size_t> order(static_cast<std::size_t>(x.numel()));
    std::iota(order.begin(), order.end(), std::size_t{0});
    const Tensor drawn = x.clone();
    std::ranges::sort(order, {}, [&](std::size_t i) { return drawn.span<double>()[i]; });
    for (std::size_t rank = 0; rank < order.size(); ++rank)
      x.span<double>()[order[rank]] += 1e-3 * static_cast<double>(rank);
  }
  return x;
}

}  // namespace

std::vector<Tensor> draw_inputs(const OpSample& sample, std::uint64_t seed) {
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < sample.inputs.size(); ++i)
    inputs.push_back(draw(sample.inputs[i], {seed, Purpose::kTest, 1000 + i}));
  return inputs;
}

std::vector<CheckResult> check_sample(const OpSample& sample, std::uint64_t seed) {
  return Checker(sample, seed).run();
}

std::string refusal_of(const BadSample& bad) {
  try {
    bad.make()->infer(bad.inputs);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace ockham
