#pragma once
// The checks that every op's samples must pass, usable by anyone (the tests, ockham-selfcheck, an author at work).
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

/// All checks of one sample, in float64 unless named float32:
///   shape       what infer() promises is what forward() fills
///   value       forward against the naive reference, 1e-12 relative
///   jvp         <y_bar, (f(x + h t) - f(x - h t)) / 2h> against <y_bar, J t>, h = 1e-5: 1e-8
///   transpose   <y_bar, J t> = <J^T y_bar, t>: 1e-12
///   curvature   central difference of <y_bar, J(x) t> along t: 1e-7
///   together    jvp_curvature against jvp and curvature: 1e-12
///   algebra     curvature(c t) = c^2 curvature(t), linear in y_bar: 1e-12
///   directions  D = 3 equals three times D = 1, in every pass: 1e-12
///   slots       overwriting NaN, adding to noise, skipping null, missing tangents as zeros: 1e-12
///   diagonal    weight_diagonal against squared per-sample gradients from vjp, every grouping: 1e-12
///   recursion   against (J o J)^T h + y_bar D2f on the explicit Jacobian: 1e-10
///   repeat      1 and 2 threads give equal bits: 0
///   float32     forward, vjp and jvp against float64: 1e-5 sqrt(largest numel)
std::vector<CheckResult> check_sample(const OpSample& sample, std::uint64_t seed = 1);

/// What infer() says about a bad sample; empty if it accepts it.
std::string refusal_of(const BadSample& bad);

}  // namespace ockham
