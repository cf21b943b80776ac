#pragma once
// Inside autograd only: what a request for second derivatives knows of its tape, and the sweeps of algorithm R
// (hessian.h), of which hessian.cpp adds up squares and gauss_newton.cpp products.
#include "autograd/hessian.h"
#include "autograd/op.h"

namespace ockham {

/// The last op of the program. @throws Error if it is no loss with a known factor
const LossOp& loss_op_of(const Variable& loss);

struct HessianRequest {
  /// @throws Error for a parameter that is not on the tape, or named twice
  HessianRequest(const Variable& loss, std::span<Parameter* const> parameters, const HessianOptions& options);

  Tape& tape;
  const Variable& loss;
  std::span<Parameter* const> parameters;
  const HessianOptions& options;
  std::vector<int> leaves;   ///< by parameter
  std::vector<char> active;  ///< by node: does it depend on a parameter?

  const Node& node(int index) const { return tape.nodes()[static_cast<std::size_t>(index)]; }
  const Node& loss_node() const { return node(loss.id().node); }

  /// Directions at once, of `wanted` in all: as asked for, or as many as the cache holds of the largest tensor; fewer
  /// where memory is short; then equal shares. To be asked when all that stays during the sweeps is there.
  /// @param besides  bytes that a direction takes beside the sweep's own
  std::int64_t choose_directions(std::int64_t wanted, std::size_t besides = 0) const;

 private:
  std::size_t largest_tensor() const;
  std::int64_t fitting_directions(std::size_t besides) const;
};

/// What looks at the cotangents of the loss's factor columns on their way back.
class ColumnReader {
 public:
  virtual ~ColumnReader() = default;
  /// At an op that reads a parameter as its input `input`; D columns at once.
  virtual void see(const Node& node, std::size_t input, std::size_t parameter, std::int64_t D, Inputs y_bar) = 0;
  /// All of a sweep has been seen.
  virtual void end_sweep(std::int64_t /*D*/) {}
  /// That see() keeps until then.
  virtual std::size_t bytes_per_direction() const { return 0; }
};

struct ColumnSweeps {
  std::int64_t columns = 0;
  std::int64_t directions = 0;
  double tail = 0.0;  ///< HessianResult::tail
};

/// Pulls the columns back, in their order, until none is left or the tail is below the options' tolerance.
ColumnSweeps pull_columns(const HessianRequest& request, ColumnReader& reader);

}  // namespace ockham
