#include <algorithm>
#include <cmath>

#include "autograd/gradcheck/checks.h"
#include "autograd/side_interfaces.h"
#include "engine/math.h"

namespace ockham::gradcheck {
namespace {

constexpr double kStep = 1e-5;

double shape_error(const Subject& s) {
  return std::ranges::all_of(s.point.y(), [](const Tensor& y) { return !is_compute_type(y.dtype()) || is_finite(y); })
             ? 0.0
             : 1.0;
}

double jvp_error(const Subject& s) {
  const Tensors t = s.point.x_dot(1, s.seed);
  const Tensors g = s.point.y_bar(1, s.seed);
  const Point plus(*s.op, moved(s.point.x(), kStep, t));
  const Point minus(*s.op, moved(s.point.x(), -kStep, t));
  const double difference = (dot_all(g, plus.y()) - dot_all(g, minus.y())) / (2.0 * kStep);
  return relative(difference, dot_all(g, s.point.jvp(1, t)));
}

double transpose_error(const Subject& s) {
  const Tensors t = s.point.x_dot(1, s.seed);
  const Tensors g = s.point.y_bar(1, s.seed);
  return relative(dot_all(g, s.point.jvp(1, t)), dot_all(s.point.vjp(1, g), t));
}

double curvature_error(const Subject& s) {
  const Tensors t = s.point.x_dot(1, s.seed);
  const Tensors g = s.point.y_bar(1, s.seed);
  const Point plus(*s.op, moved(s.point.x(), kStep, t));
  const Point minus(*s.op, moved(s.point.x(), -kStep, t));
  const double difference = (dot_all(g, plus.jvp(1, t)) - dot_all(g, minus.jvp(1, t))) / (2.0 * kStep);
  return relative(difference, s.point.curvature(1, g, t)[0]);
}

double algebra_error(const Subject& s) {
  Tensors t = s.point.x_dot(1, s.seed);
  Tensors g = s.point.y_bar(1, s.seed);
  const double base = s.point.curvature(1, g, t)[0];
  for (Tensor& direction_tensor : t) {
    if (direction_tensor)
      scale(direction_tensor, -3.0);
  }
  const double by_direction = relative(s.point.curvature(1, g, t)[0] / 9.0, base);
  for (Tensor& cotangent : g) {
    if (cotangent)
      scale(cotangent, 0.5);
  }
  return std::max(by_direction, relative(s.point.curvature(1, g, t)[0] / 4.5, base));
}

double directions_error(const Subject& s) {
  constexpr std::int64_t kD = 5;  // kernels take up to four at once
  const Tensors t = s.point.x_dot(kD, s.seed);
  const Tensors g = s.point.y_bar(kD, s.seed);
  const Tensors g1 = s.point.y_bar(1, s.seed);
  const Tensors y_dot = s.point.jvp(kD, t);
  const Tensors x_bar = s.point.vjp(kD, g);
  const std::vector<double> acc = s.point.curvature(kD, g1, t);
  double worst = 0.0;
  for (std::int64_t d = 0; d < kD; ++d) {
    Tensors td(t.size());
    for (std::size_t i = 0; i < t.size(); ++i) {
      if (t[i])
        td[i] = direction(t[i], d, s.point.x()[i].shape());
    }
    Tensors gd(g.size());
    const Tensors y_dot_d = s.point.jvp(1, td);
    for (std::size_t i = 0; i < g.size(); ++i) {
      if (!g[i])
        continue;
      gd[i] = direction(g[i], d, s.point.y()[i].shape());
      worst = std::max(worst, distance(direction(y_dot[i], d, s.point.y()[i].shape()), y_dot_d[i]));
    }
    const Tensors one = s.point.vjp(1, gd);
    for (std::size_t i = 0; i < one.size(); ++i) {
      if (one[i])
        worst = std::max(worst, distance(direction(x_bar[i], d, s.point.x()[i].shape()), one[i]));
    }
    worst = std::max(worst, relative(acc[static_cast<std::size_t>(d)], s.point.curvature(1, g1, td)[0]));
  }
  return worst;
}

/// vjp_scaled() against a cotangent that is multiplied out.
double scaled_error(const Subject& s, const Tensors& g) {
  if (s.op->as<TakesScaled>() == nullptr)
    return 0.0;
  const Tensor factor = noise({g[0].size(1)}, s.seed, 400);
  Tensors multiplied = g;
  multiplied[0] = times_channels(g[0], factor);
  return distance(s.point.vjp(2, g, factor), s.point.vjp(2, multiplied));
}

/// Cotangents left scaled against those that are not.
double offered_error(const Subject& s, const Tensors& g, const Tensors& wanted) {
  const auto* leaves = s.op->as<LeavesScaled>();
  Tensors x_bar(wanted.size()), factors(wanted.size());
  std::vector<GradSlot> slots(wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] && leaves != nullptr && leaves->may_scale(i))
      slots[i] = {&x_bar[i], false, &factors[i]};
  }
  if (std::ranges::none_of(slots, [](const GradSlot& slot) { return static_cast<bool>(slot); }))
    return 0.0;
  s.op->vjp(s.point.saved(), 2, g, slots);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (x_bar[i])
      x_bar[i] = times_channels(x_bar[i], factors[i]);
  }
  return distance(x_bar, wanted);
}

/// Cotangents of one output alone, the others undefined: by linearity the parts sum to the whole.
double cotangents_error(const Subject& s, const Tensors& g, const Tensors& wanted) {
  Tensors sum;
  for (std::size_t o = 0; o < g.size(); ++o) {
    Tensors alone(g.size());
    alone[o] = g[o];
    if (!g[o])
      continue;
    const Tensors part = s.point.vjp(2, alone);
    sum = sum.empty() ? moved(part, 0.0, Tensors(part.size())) : moved(sum, 1.0, part);
  }
  return distance(sum, wanted);
}

double slots_error(const Subject& s) {
  constexpr std::int64_t kD = 2;
  const Tensors g = s.point.y_bar(kD, s.seed);
  const Tensors t = s.point.x_dot(kD, s.seed);
  const Tensors wanted = s.point.vjp(kD, g);
  Tensors sum_of_parts;
  double worst = 0.0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!wanted[i])
      continue;
    // One slot alone, added to noise.
    const Tensor base = noise(wanted[i].shape(), s.seed, 300 + i);
    Tensor target = base.clone();
    std::vector<GradSlot> slots(wanted.size());
    slots[i] = {&target, true};
    s.op->vjp(s.point.saved(), kD, g, slots);
    axpy(-1.0, base, target);
    worst = std::max(worst, distance(target, wanted[i]));
    // One tangent alone; by linearity the parts sum to the whole.
    Tensors alone(t.size());
    alone[i] = t[i];
    const Tensors part = s.point.jvp(kD, alone);
    sum_of_parts = sum_of_parts.empty() ? moved(part, 0.0, Tensors(part.size())) : moved(sum_of_parts, 1.0, part);
  }
  worst = std::max({worst, scaled_error(s, g), offered_error(s, g, wanted), cotangents_error(s, g, wanted)});
  return std::max(worst, distance(sum_of_parts, s.point.jvp(kD, t)));
}

double float32_error(const Subject& s) {
  Tensors x;
  for (const Tensor& t : s.point.x())
    x.push_back(is_compute_type(t.dtype()) ? t.to(DType::kFloat32) : t);
  const Point single(*s.op, x);
  double worst = distance(single.differentiable(single.y()), s.point.differentiable(s.point.y()));
  worst = std::max(worst, distance(single.vjp(2, single.y_bar(2, s.seed)), s.point.vjp(2, s.point.y_bar(2, s.seed))));
  return std::max(worst, distance(single.jvp(2, single.x_dot(2, s.seed)), s.point.jvp(2, s.point.x_dot(2, s.seed))));
}

}  // namespace

void check_passes(const Subject& s, Results& results) {
  const auto add = [&](const char* name, double error, double tolerance) {
    results.push_back({name, error, tolerance});
  };
  const Tensors reference = s.sample.reference(s.point.x());
  add("shape", shape_error(s), 0.0);
  add("value", distance(s.point.differentiable(s.point.y()), s.point.differentiable(reference)), 1e-12);
  add("jvp", jvp_error(s), 1e-8);
  add("transpose", transpose_error(s), 1e-12);
  add("curvature", curvature_error(s), 1e-7);
  add("together", s.point.together_error(3, s.point.y_bar(1, s.seed), s.point.x_dot(3, s.seed)), 1e-12);
  add("algebra", algebra_error(s), 1e-12);
  add("directions", directions_error(s), 1e-12);
  add("slots", slots_error(s), 1e-12);
  std::int64_t longest = 1;
  for (const Tensor& t : s.point.x())
    longest = std::max(longest, t.numel());
  add("float32", float32_error(s), 1e-5 * std::sqrt(static_cast<double>(longest)));
}

}  // namespace ockham::gradcheck
