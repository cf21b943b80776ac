#include "autograd/gradcheck/point.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "autograd/side_interfaces.h"
#include "engine/math.h"
#include "engine/random.h"

namespace ockham::gradcheck {
namespace {

/// Infinity in place of NaN, which std::max would lose.
double known(double error) {
  return std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
}

}  // namespace

double relative(double a, double b) {
  return known(std::abs(a - b) / std::max({1.0, std::abs(a), std::abs(b)}));
}

double distance(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape())
    return std::numeric_limits<double>::infinity();
  Tensor difference = a.to(DType::kFloat64).clone();
  axpy(-1.0, b.to(DType::kFloat64), difference);
  return known(max_abs(difference) / std::max(1.0, max_abs(b)));
}

double distance(const Tensors& a, const Tensors& b) {
  double worst = a.size() == b.size() ? 0.0 : std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (a[i].is_defined() && b[i].is_defined())
      worst = std::max(worst, distance(a[i], b[i]));
  }
  return worst;
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

Tensor poisoned(const Spec& spec) {
  Tensor t(spec);
  // On this thread alone: check_threads counts the loops of the op.
  if (is_compute_type(spec.dtype))
    visit_float(spec.dtype, "poisoned",
                [&]<class T>() { std::ranges::fill(t.span<T>(), std::numeric_limits<T>::quiet_NaN()); });
  return t;
}

Point::Point(const Op& op, Tensors x) : op_(op), x_(std::move(x)) {
  std::vector<Spec> specs;
  for (const Tensor& t : x_)
    specs.push_back(t.spec());
  require_input_count(op, specs);
  y_specs_ = op.infer(specs);
  for (const Spec& spec : y_specs_)
    y_.push_back(poisoned(spec));
  op.forward(x_, y_, saved_);
}

Tensors Point::y_bar(std::int64_t D, std::uint64_t seed) const {
  Tensors result(y_.size());
  for (std::size_t i = 0; i < y_.size(); ++i) {
    if (op_.has_derivative(i))
      result[i] = noise(with_directions(y_[i].shape(), D), seed, 77 + i).to(y_[i].dtype());
  }
  return result;
}

Tensors Point::x_dot(std::int64_t D, std::uint64_t seed) const {
  Tensors result(x_.size());
  for (std::size_t i = 0; i < x_.size(); ++i) {
    if (is_wanted(i))
      result[i] = noise(with_directions(x_[i].shape(), D), seed, 100 + i).to(x_[i].dtype());
  }
  return result;
}

Tensors Point::differentiable(Tensors outputs) const {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!op_.has_derivative(i))
      outputs[i] = Tensor();
  }
  return outputs;
}

Tensors Point::vjp(std::int64_t D, const Tensors& y_bar, const Tensor& factor) const {
  Tensors result(x_.size());
  std::vector<GradSlot> slots(x_.size());
  for (std::size_t i = 0; i < x_.size(); ++i) {
    if (!is_wanted(i))
      continue;
    result[i] = poisoned({with_directions(x_[i].shape(), D), x_[i].dtype()});
    slots[i] = {&result[i], false};
  }
  factor ? op_.as<TakesScaled>()->vjp_scaled(saved_, D, y_bar, factor, slots) : op_.vjp(saved_, D, y_bar, slots);
  return result;
}

Tensors Point::jvp_of_all(std::int64_t D, const Tensors& x_dot) const {
  Tensors result = room_for_dots(D);
  op_.jvp(saved_, D, x_dot, result);
  return result;
}

std::vector<double> Point::curvature(std::int64_t D, const Tensors& y_bar, const Tensors& x_dot) const {
  std::vector<double> acc(static_cast<std::size_t>(D));
  if (!op_.curved())
    return acc;
  const Tensors y_dot = jvp(D, x_dot);
  op_.curvature(saved_, D, y_bar, x_bar_of_curvature(y_bar), x_dot, y_dot, acc);
  return acc;
}

double Point::together_error(std::int64_t D, const Tensors& y_bar, const Tensors& x_dot) const {
  if (!op_.curved())
    return 0.0;
  Tensors y_dot = room_for_dots(D);
  std::vector<double> acc(static_cast<std::size_t>(D));
  run_jvp_curvature(op_, saved_, D, y_bar, x_bar_of_curvature(y_bar), x_dot, y_dot, acc);
  double worst = distance(differentiable(std::move(y_dot)), jvp(D, x_dot));
  const std::vector<double> apart = curvature(D, y_bar, x_dot);
  for (std::size_t d = 0; d < acc.size(); ++d)
    worst = std::max(worst, relative(acc[d], apart[d]));
  return worst;
}

Tensors Point::x_bar_of_curvature(const Tensors& y_bar) const {
  return curvature_reads_x_bar(op_) ? vjp(1, y_bar) : Tensors(x_.size());
}

Tensors Point::room_for_dots(std::int64_t D) const {
  Tensors result;
  for (const Spec& spec : y_specs_)
    result.push_back(poisoned({with_directions(spec.shape, D), spec.dtype}));
  return result;
}

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

namespace {

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

Tensors Subject::draw_of(const OpSample& sample, std::uint64_t seed) {
  Tensors inputs;
  for (std::size_t i = 0; i < sample.inputs.size(); ++i)
    inputs.push_back(draw(sample.inputs[i], {seed, Purpose::kTest, 1000 + i}));
  return inputs;
}

}  // namespace ockham::gradcheck
