#pragma once
// What few ops have beside Op. An op that has it also derives from one of these; a sweep asks Op::as<>().
#include <span>
#include <string>

#include "autograd/op.h"

namespace ockham {

/// A rule of the published diagonal recursion, an approximation: h_x (+)= (J o J)^T h_y + sum_j y_bar_j diag(D2f_j).
/// Becker and LeCun 1988; Botev, Ritter, Barber 2017.
class HasRecursion {
 public:
  virtual void recursion(const Saved& saved, Inputs y_bar, Inputs h_y, std::span<GradSlot> h_x) const = 0;

 protected:
  ~HasRecursion() = default;
};

/// Tells the gradient of a parameter for each sample by itself: what weight_diagonal() squares and adds up, for the
/// products of different entries (gauss_newton.h).
class HasSampleGradients {
 public:
  /// float64 [D, N, P]: of each direction and sample the gradient of parameter `input`, its P entries in row-major
  /// order. y_bar as for vjp(), defined. @throws Error for an input that has no weight_diagonal()
  virtual Tensor sample_gradients(const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input) const = 0;

 protected:
  ~HasSampleGradients() = default;
};

/// vjp() may leave the cotangent of an input as y_bar[0] and a factor per channel: it takes offers of GradSlot::factor.
class LeavesScaled {
 public:
  virtual bool may_scale(std::size_t input) const = 0;

 protected:
  ~LeavesScaled() = default;
};

/// Reads y_bar once, and so can multiply it by a factor per channel on the way: that saves a cotangent which was left
/// scaled a way to the memory and back.
class TakesScaled {
 public:
  /// vjp() for y_bar[0] times factor [C].
  virtual void vjp_scaled(const Saved& saved, std::int64_t D, Inputs y_bar, const Tensor& factor,
                          std::span<GradSlot> x_bar) const = 0;

 protected:
  ~TakesScaled() = default;
};

/// jvp() and curvature() in one, for ops whose two passes read the same tensors: fills y_dot, then adds to acc.
class HasJointCurvature {
 public:
  virtual void jvp_curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_bar, Inputs x_dot,
                             Outputs y_dot, std::span<double> acc) const = 0;

 protected:
  ~HasJointCurvature() = default;
};

/// curvature() reads x_bar: the keeping sweep stores it, at the cost of one tensor per input.
class ReadsInputCotangents {
 public:
  /// False where this op's attributes make it needless.
  virtual bool curvature_reads_x_bar() const { return true; }

 protected:
  ~ReadsInputCotangents() = default;
};

/// forward() and vjp() take feature maps in bfloat16 themselves; other ops are handed widened copies (narrow.h).
class ReadsBFloat16 {
 protected:
  virtual ~ReadsBFloat16() = default;
};

/// Knows its arithmetic, for profiles and costs, and how it is computed.
class CountsFlops {
 public:
  /// The name of the kernel that inputs `x` are run by and why those preferred to it declined; empty where there is
  /// only one.
  virtual std::string kernel(std::span<const Spec> /*x*/) const { return {}; }
  /// Floating-point operations of one forward(), two a multiply-accumulate.
  virtual double flops(std::span<const Spec> x) const = 0;

 protected:
  ~CountsFlops() = default;
};

/// Does this op's curvature() read x_bar?
inline bool curvature_reads_x_bar(const Op& op) {
  const auto* side = op.as<ReadsInputCotangents>();
  return side != nullptr && side->curvature_reads_x_bar();
}

}  // namespace ockham
