#pragma once
// The diagonal of the Hessian of a loss over chosen parameters, exactly.
//
// Two exact algorithms:
//   R, reverse:  C - 1 reverse sweeps, all parameters at once. Pull the columns s_c of the loss Hessian's factor,
//                sum_c s_c s_c^T = d2 loss / d logits2, back to each parameter and add the squares of per-sample
//                gradients: H(w) = sum_{n,c} (d<s_nc, logits>/dw)^2.
//   F, forward:  one tangent sweep per entry, with the identity of curvature.h. Any program.
//
// When R is exact. Let every op below a parameter entry be affine (or piecewise so) in the values that depend on it,
// let each entry be used once, as a weight of some op, and let no op below couple samples. Then every term of the
// second-order identity but the loss's vanishes: the remaining curvature is bilinear, 2 <lambda, f(dw, t)>, and t = 0
// where w enters because nothing upstream depends on w. What is left is the loss's own term, t^T (d2 loss/d logits2) t,
// per sample because no op couples samples; that is the Gauss-Newton value and sum_c <s_c, t>^2 = sum_c <J^T s_c,
// dw>^2. QED  reverse_obstacle() checks these premises on the tape, node by node, and names the first that fails; a
// request that cannot be met exactly is refused. It believes what ops declare (algebra, factors, parameters, coupling):
// gradcheck/gradcheck.h holds each op's declarations against its passes.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "autograd/tape.h"

namespace ockham {

/// kExact: second derivatives. kGaussNewton: J^T H_loss J, never negative. kRecursion: the published diagonal
/// recursion, an approximation kept for comparison.
enum class Curvature { kExact, kGaussNewton, kRecursion };

enum class HessianAlgorithm { kAuto, kReverse, kForward };

/// A quarter of the last-level cache, 8 MiB at most: a sweep reads and writes tangents beside the primals they meet.
std::size_t cache_share();

struct HessianOptions {
  Curvature curvature = Curvature::kExact;
  HessianAlgorithm algorithm = HessianAlgorithm::kAuto;
  Grouping grouping = Grouping::kEntry;     ///< R only; F gives entries
  std::int64_t directions = 0;              ///< D, less where memory_limit is tight; 0: what fits cache_bytes
  std::size_t cache_bytes = cache_share();  ///< of the largest tensor's D directions, on the CPU
  std::size_t memory_limit = 0;             ///< bytes in use in all, as the device's allocator counts them; 0: none
  double tolerance = 0.0;             ///< R stops after r columns once the mass left, factor_tail(r), is below this
  std::int64_t max_tangents = 20000;  ///< F refuses more entries than this
  bool splits_parts = false;          ///< F fills HessianResult::parts
};

/// For a rehearsal on `images` of the `all` images of a pass: as many directions at once as the whole pass has, and no
/// limit.
HessianOptions rehearsal_of(HessianOptions options, std::int64_t images, std::int64_t all);

struct HessianResult {
  std::vector<Tensor> diagonal;  ///< float64, one per parameter, of grouped_shape
  HessianAlgorithm algorithm = HessianAlgorithm::kAuto;
  std::int64_t columns = 0;            ///< factor columns (R) or tangents (F)
  std::int64_t directions = 0;         ///< D used
  double tail = 0.0;                   ///< probability mass that a truncated factor left out; 0: none
  std::string reason;                  ///< why this algorithm
  std::vector<std::string> piecewise;  ///< names of piecewise ops below the parameters: exact for the chosen piece
  /// F with splits_parts: op name -> its share of the diagonal, entries of all parameters in order.
  std::vector<std::pair<std::string, std::vector<double>>> parts;
};

/// Why algorithm R is not exact for these parameters on this tape; nothing if it is.
std::optional<std::string> reverse_obstacle(const Tape& tape, const Variable& loss,
                                            std::span<Parameter* const> parameters);

/// `loss` must be the output of a LossOp, its tape not yet freed (backward(..., keeps_saved = true) or none at all).
/// @throws Error where the request cannot be honoured exactly, with the reason and the remedy
HessianResult hessian_diagonal(const Variable& loss, std::span<Parameter* const> parameters,
                               const HessianOptions& options = {});

/// Central difference of the gradient, (g_i(p + h) - g_i(p - h)) / 2h: the check of the exact value.
/// build_loss records the loss of the same data on the tape given; the parameter, float64, is as before afterwards (the
/// grads of others are not). @throws Error if there is no such entry
double hessian_by_difference(const std::function<Variable(Tape&)>& build_loss, Parameter& parameter, std::int64_t entry,
                             double step = 1e-5);

}  // namespace ockham
