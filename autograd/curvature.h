#pragma once
// Second directional derivatives of a scalar along parameter directions: algorithm F.
//
// Second-order adjoint identity. A tape computes v_k = f_k(v_pred(k)). Along p + tau d write t_k for dv_k/dtau and
// lambda_k for the adjoint dL/dv_k. Then
//     d2L/dtau2 = sum_k lambda_k^T D2f_k[t_pred, t_pred].
// Proof. Differentiate the program twice: v''_k = Df_k v''_pred + D2f_k[t, t], and v'' = 0 for parameters. That is the
// tangent recursion with a source D2f_k[t, t] inserted at node k. By its definition lambda_k is the derivative of L
// with respect to an insertion at k; L'' is linear in the sources, so sum them. QED
//
// So one reverse sweep that keeps the adjoints of curved ops serves every direction, and a direction costs one tangent
// sweep: no second reverse sweep and no Hessian-vector product. Holds for any op with the five passes, batch norm on
// batch statistics included; at kinks it is the exact second derivative of the piece that forward() chose.
// D2f of an op, and where it comes from, stands in the op's own folder. Pearlmutter 1994; Griewank and Walther 2008,
// chapter 10.
#include <map>
#include <string>
#include <vector>

#include "autograd/sweep.h"

namespace ockham {

/// The adjoints of one loss at every active curved op.
class Adjoints {
 public:
  /// One reverse sweep over the nodes that depend on `leaves`; keeps Saved. Memory: y_bar of each curved op, and x_bar
  /// where the op reads it.
  Adjoints(Tape& tape, const Variable& loss, std::span<const int> leaves);

  /// y_bar^T D2f[t, t] per direction, summed over all ops; parts, if given, receives the sum per op name where
  /// it is not zero.
  /// seeds: leaf node -> D tangents. Exact. With `only_loss` the sum has the loss op's term alone: the Gauss-Newton
  /// value.
  std::vector<double> along(const std::map<int, Tensor>& seeds, std::int64_t D, bool only_loss,
                            std::map<std::string, std::vector<double>>* parts = nullptr) const;

  /// dL/dleaf of the same sweep.
  const std::map<int, Tensor>& leaf_gradients() const { return leaf_gradients_; }

 private:
  struct Kept {
    std::vector<Tensor> y_bar;
    std::vector<Tensor> x_bar;
  };
  Tape& tape_;
  ValueId loss_;
  std::vector<Kept> kept_;
  std::map<int, Tensor> leaf_gradients_;
};

}  // namespace ockham
