#pragma once
// The checks that every op's samples must pass, usable by anyone (the tests, an author at work): that its passes agree
// with each other, and that what it declares of itself, the premises of exact second derivatives (hessian.h), is true.
#include <string>
#include <vector>

#include "autograd/registry.h"

namespace ockham {

struct CheckResult {
  std::string check;  ///< "value", "jvp", "transpose", "curvature", ...
  double error = 0.0;
  double tolerance = 0.0;
  bool passed() const { return error <= tolerance; }  // false for NaN
};

/// Draws a sample's inputs in float64 (labels in int64), the same for the same seed.
std::vector<Tensor> draw_inputs(const OpSample& sample, std::uint64_t seed);

/// All checks of one sample, in float64 unless named float32.
/// Passes (passes.cpp):
///   shape       what infer() promises is what forward() fills
///   value       forward against the naive reference, 1e-12 relative
///   jvp         <y_bar, (f(x + h t) - f(x - h t)) / 2h> against <y_bar, J t>, h = 1e-5: 1e-8
///   transpose   <y_bar, J t> = <J^T y_bar, t>: 1e-12
///   curvature   central difference of <y_bar, J(x) t> along t: 1e-7
///   together    jvp_curvature against jvp and curvature: 1e-12
///   algebra     curvature(c t) = c^2 curvature(t), linear in y_bar: 1e-12
///   directions  D = 3 equals three times D = 1, in every pass: 1e-12
///   slots       overwriting NaN, adding to noise, skipping null, missing tangents and cotangents as zeros: 1e-12
///   float32     forward, vjp and jvp against float64: 1e-5 sqrt(largest numel)
/// Premises (premises.cpp):
///   factors     f(x + h t) - 2 f(x) + f(x - h t) = 0 along all inputs of a linear op and along each factor of a
///               multilinear one, h = 1/2, within a piece 1e-5: 1e-12
///   rows        another draw of one sample moves at most one row of each output, and no row that another sample moves,
///               unless the op couples_samples()
///   parameters  no input that is_parameter() moves rows one by one, as samples would
///   constants   inputs that are not is_differentiable() take no cotangent and change no tangent; outputs without
///               has_derivative() have no tangent and pass on no cotangent; what is differentiable is float
/// Diagonals (diagonals.cpp):
///   diagonal    weight_diagonal against squared per-sample gradients from vjp, every grouping: 1e-12; of other inputs
///               than OpSample::diagonal_inputs it is refused
///   sample gradients  where an op HasSampleGradients, against those from vjp: 1e-12; refused where the diagonal is
///   recursion   against (J o J)^T h + y_bar D2f on the explicit Jacobian, at 64 entries of an input: 1e-10
/// Threads (threads.cpp):
///   repeat      1, 2 and 3 threads give equal bits in all passes, on a batch long enough for several chunks: 0
/// @throws ShapeError if the sample has another number of inputs than the op takes
std::vector<CheckResult> check_sample(const OpSample& sample, std::uint64_t seed = 1);

/// check_sample() of all samples, and what only all of them together can show:
///   couples     an op that says that it couples samples does so on a sample
///   chunks      `repeat` met a loop of several chunks on a sample, or the op is_serial and it met none on any
std::vector<CheckResult> check_case(const OpCase& op_case, std::uint64_t seed = 1);

/// What the count of inputs or infer() says about a bad sample; empty if it is accepted.
std::string refusal_of(const BadSample& bad);

}  // namespace ockham
