#pragma once
// Op: one differentiable operation, and the questions that a tape asks every op. What only few ops can answer stands in
// side_interfaces.h. Every pass is a plain loop over tensors; nothing in here records anything. Passes always come in
// the order forward, vjp, jvp, curvature, weight_diagonal.
//
// What an op declares of itself (algebra, factors, parameters, coupling, derivatives) is a premise of exact second
// derivatives, and is checked against its passes on every registered sample: gradcheck/gradcheck.h.
//
// The direction axis D. Tangents and cotangents may carry D directions at once: a value of shape [s0, s1, ...] has a
// tangent of shape [D*s0, s1, ...] (a scalar: [D]), D copies of the primal's layout one after another, the same for
// values and for parameters. For linear maps over samples that is just a bigger batch.
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor.h"

namespace ockham {

using Inputs = std::span<const Tensor>;
using Outputs = std::span<Tensor>;

/// The shape of D directions for a primal of `shape`.
Shape with_directions(const Shape& shape, std::int64_t D);

/// What forward() keeps for the later passes. Freed with its node; counted in the tape's byte total.
struct Saved {
  std::vector<Tensor> tensors;
  template <class... Ts>
  void keep(const Ts&... ts) {
    (tensors.push_back(ts), ...);
  }
  const Tensor& operator[](std::size_t i) const { return tensors[i]; }
};

/// Where vjp() puts the cotangent of one input. Ops fill their slots in index order: mul(x, x) has two slots on one
/// buffer, the second of which accumulates.
struct GradSlot {
  Tensor* dst = nullptr;    ///< null: not wanted, skip the work
  bool accumulate = false;  ///< false: overwrite (contents unspecified, may be NaN); true: add
  /// Offered only to a LeavesScaled op that may_scale() this input: it may leave *dst = y_bar[0] and *factor = a number
  /// per channel, float, [C], by which dimension 1 of it is multiplied, and so store nothing. *dst is not allocated
  /// where it is offered.
  Tensor* factor = nullptr;
  explicit operator bool() const { return dst != nullptr; }
  /// For gemm-like kernels.
  template <class T>
  T beta() const {
    return accumulate ? T(1) : T(0);
  }
  /// For everyone else: takes g as the cotangent (without a copy if moved in), or adds it. g must have dst's shape.
  void add(Tensor g);
};

/// kPiecewise: smooth away from kinks (relu, max_pool2d); derivatives are those of the piece that forward() chose.
enum class Smoothness { kTwice, kPiecewise };

/// What f is as a function of its inputs, which decides whether reverse passes alone give exact second derivatives.
/// kLinear: of all inputs jointly. kMultilinear: of each factor (see Op::factor_of) with the others fixed. kCurved:
/// else.
enum class Algebra { kLinear, kMultilinear, kCurved };

/// How weight_diagonal() sums its entries: not at all, per output filter (dimension 0), per input channel (dimension
/// 1), or over the whole parameter.
enum class Grouping { kEntry, kFilter, kChannel, kLayer };
/// Shape of the sums of `grouping` over a parameter of `shape`. @throws ShapeError if the parameter lacks the dimension
Shape grouped_shape(const Shape& shape, Grouping grouping);

/// One differentiable operation. Immutable: attributes are const members, what a run keeps lives in Saved.
class Op {
 public:
  virtual ~Op() = default;

  virtual std::string_view name() const = 0;
  /// "stride=2 pad=1": for errors, dumps and profiles.
  virtual std::string attrs() const { return {}; }
  /// How many inputs infer() and forward() are given: whoever calls them counts, see require_input_count().
  virtual std::size_t input_count() const { return 1; }
  virtual Smoothness smoothness() const { return Smoothness::kTwice; }
  virtual Algebra algebra() const = 0;
  /// kMultilinear only: which factor input i belongs to. conv2d: x 0, w 1; weighted_sum: alpha 0, every branch 1.
  virtual int factor_of(std::size_t input) const { return static_cast<int>(input); }
  /// True for an input that all samples share: a weight or a switch. Of any other input dimension 0 is the sample, as
  /// it is of the outputs.
  virtual bool is_parameter(std::size_t /*input*/) const { return false; }
  /// True when an output row depends on the rows of several samples, or several on those of one (batch statistics, sums
  /// over the batch).
  virtual bool couples_samples() const { return false; }
  /// False for inputs without a derivative (labels).
  virtual bool is_differentiable(std::size_t /*input*/) const { return true; }
  /// False for outputs without a derivative (statistics handed out as constants).
  virtual bool has_derivative(std::size_t /*output*/) const { return true; }
  /// False: curvature() is never called.
  bool curved() const { return algebra() != Algebra::kLinear; }
  /// The op as one of side_interfaces.h; null where it is none.
  template <class Side>
  const Side* as() const {
    return dynamic_cast<const Side*>(this);
  }

  /// Output shapes and dtypes. @throws ShapeError or DTypeError with op, attributes, input shapes and the broken rule
  virtual std::vector<Spec> infer(std::span<const Spec> x) const = 0;

  /// y = f(x). y is allocated from infer(), contents unspecified; x is row-major.
  virtual void forward(Inputs x, Outputs y, Saved& saved) const = 0;
  /// x_bar (+)= J^T y_bar for D cotangents. An undefined y_bar is zero. Slots of wanted inputs only.
  virtual void vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const = 0;
  /// y_dot = J x_dot for D tangents. An undefined x_dot is zero (at least one is defined).
  virtual void jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const = 0;
  /// acc[d] += y_bar^T D2f[x_dot_d, x_dot_d], summed in double. y_bar is one cotangent, x_bar = J^T y_bar (defined only
  /// for an op that ReadsInputCotangents), y_dot = J x_dot.
  virtual void curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_bar, Inputs x_dot, Inputs y_dot,
                         std::span<double> acc) const = 0;
  /// H += sum over directions and samples of the squared per-sample gradient of parameter `input`, in double, summed
  /// by `grouping`; dimension 0 of y is the sample. H: float64 of grouped_shape(). @throws Error where there is none
  virtual void weight_diagonal(const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input, Grouping grouping,
                               Tensor& H) const;
};

/// A scalar loss that is the mean over samples of a function of one input (the logits), with a known factor of its
/// Hessian: sum over columns c of s_c s_c^T per sample, what algorithm R pulls back (hessian.h).
class LossOp : public Op {
 public:
  /// Columns of the factor: C - 1 for softmax cross-entropy.
  virtual std::int64_t factor_columns(const Saved& saved) const = 0;
  /// Columns [first, first + count) as cotangents of the logits, [count*N, C], scaled so that their squares sum to the
  /// Hessian of the mean.
  virtual void factor(const Saved& saved, std::int64_t first, std::int64_t count, Tensor& columns) const = 0;
  /// Largest probability mass Q_T left out of any sample's factor after r columns; the certificate of a truncation.
  virtual double factor_tail(const Saved& saved, std::int64_t r) const = 0;
  /// h of the logits for the recursion: the diagonal of the Hessian of the mean.
  virtual void recursion_seed(const Saved& saved, Tensor& h) const = 0;
};

/// @throws ShapeError with both counts unless `x` has as many inputs as the op takes
void require_input_count(const Op& op, std::span<const Spec> x);

/// "conv2d(stride=2 pad=1): inputs float32[8,3,32,32], float32[16,3,3,3]": how every shape error begins.
std::string describe(const Op& op, std::span<const Spec> x);

}  // namespace ockham
