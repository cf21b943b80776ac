#pragma once
// What the checks are made of: an op at one point, its passes into fresh results, and distances between these.
#include <cstdint>
#include <memory>
#include <vector>

#include "autograd/registry.h"

namespace ockham::gradcheck {

using Tensors = std::vector<Tensor>;

/// |a - b| over the larger of them, at least 1. Infinite for NaN, as all distances.
double relative(double a, double b);
/// Largest difference over the largest entry of b (at least 1); infinite for different shapes.
double distance(const Tensor& a, const Tensor& b);
/// The largest of the distances where both are defined.
double distance(const Tensors& a, const Tensors& b);
double dot_all(const Tensors& a, const Tensors& b);
/// Normal numbers in float64.
Tensor noise(const Shape& shape, std::uint64_t seed, std::uint64_t stream);
/// x + step * along; an undefined direction moves nothing.
Tensors moved(const Tensors& x, double step, const Tensors& along);
/// Direction d of D.
Tensor direction(const Tensor& all, std::int64_t d, const Shape& shape);
/// Filled with NaN where it is float, so that what a pass leaves out shows.
Tensor poisoned(const Spec& spec);

/// One op at one point, in one dtype.
class Point {
 public:
  Point(const Op& op, Tensors x);

  const Tensors& x() const { return x_; }
  const Tensors& y() const { return y_; }
  const Saved& saved() const { return saved_; }
  bool is_wanted(std::size_t i) const { return is_compute_type(x_[i].dtype()) && op_.is_differentiable(i); }
  /// A cotangent for each output that has a derivative.
  Tensors y_bar(std::int64_t D, std::uint64_t seed) const;
  /// A tangent for each input that is wanted.
  Tensors x_dot(std::int64_t D, std::uint64_t seed) const;
  /// Those of all outputs that have a derivative; the others undefined.
  Tensors differentiable(Tensors outputs) const;

  /// factor: of y_bar[0], see TakesScaled; undefined: none.
  Tensors vjp(std::int64_t D, const Tensors& y_bar, const Tensor& factor = {}) const;
  /// Tangents of all outputs, those without a derivative too.
  Tensors jvp_of_all(std::int64_t D, const Tensors& x_dot) const;
  Tensors jvp(std::int64_t D, const Tensors& x_dot) const { return differentiable(jvp_of_all(D, x_dot)); }
  std::vector<double> curvature(std::int64_t D, const Tensors& y_bar, const Tensors& x_dot) const;
  /// How far jvp_curvature() is from jvp() and curvature().
  double together_error(std::int64_t D, const Tensors& y_bar, const Tensors& x_dot) const;

 private:
  Tensors x_bar_of_curvature(const Tensors& y_bar) const;
  Tensors room_for_dots(std::int64_t D) const;

  const Op& op_;
  Tensors x_;
  std::vector<Spec> y_specs_;
  Tensors y_;
  Saved saved_;
};

/// A sample at the point that a seed draws.
struct Subject {
  const OpSample& sample;
  std::uint64_t seed;
  std::unique_ptr<Op> op = sample.make();
  Point point{*op, draw_of(sample, seed)};

  /// Draws the inputs.
  static Tensors draw_of(const OpSample& sample, std::uint64_t seed);
};

}  // namespace ockham::gradcheck
