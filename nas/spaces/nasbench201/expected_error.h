#pragma once
// The search problem without images: the expected error of a cell whose operations are drawn edge by edge,
//   f(alpha) = sum over all cells of error(cell) prod over edges e of softmax(alpha_e)[op_e],
// with its exact gradient and second derivatives. A search method's steps cost microseconds on it, and its end can be
// judged: the table knows every cell.
#include <span>
#include <vector>

#include "nas/spaces/nasbench201/table.h"

namespace ockham::nas::nasbench201 {

class ExpectedError {
 public:
  /// error(cell) = 1 - accuracy/100 in that column.
  ExpectedError(const Table& table, Column column);

  /// alpha: kAlphas logits, edge by edge. gradient and diagonal (of the Hessian): kAlphas numbers each, or empty.
  /// f is linear in the probabilities of one edge, so only the softmax curves:
  ///   d2f/da_i2 = sum_k g_k p_k ((k == i ? 1 - p_i : -p_i)^2 - p_i (1 - p_i)),  g_k = df/dp_k.
  /// Cost: 2 * 15,625 multiply-adds.
  double evaluate(std::span<const double> alpha, std::span<double> gradient, std::span<double> diagonal) const;

 private:
  std::vector<double> errors_;  // by number_of(): [125, 125], the first three edges against the last three
};

}  // namespace ockham::nas::nasbench201
