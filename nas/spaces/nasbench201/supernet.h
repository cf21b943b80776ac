#pragma once
// The search network of NAS-Bench-201: every cell has all operations on every edge, weighted by the softmax of that
// edge's logits, which all cells share. Dong and Yang 2020; Liu et al. 2019 for the mixing.
#include "nas/spaces/nasbench201/mixed_cell.h"

namespace ockham::nas::nasbench201 {

class Supernet : public Module {
 public:
  /// The published search network has batch norm without scale and shift (spec.is_affine = false) and normalises with
  /// the batch's statistics in evaluation too. Logits start at 1e-3 times a normal.
  /// @throws UsageError if a size is not positive
  Supernet(const NetworkSpec& spec, Initial& initial);
  ~Supernet() override;

  Variable forward(const Context& context, const Variable& images);
  /// "alphas" [6, 5], a row an edge.
  Parameter& logits() { return logits_; }
  /// Each edge's operation of the largest logit, none included, the first of equals.
  Cell derive() const;

 private:
  class Softmax;
  std::unique_ptr<Softmax> softmax_;
  Parameter& logits_;
  Skeleton* skeleton_;
};

}  // namespace ockham::nas::nasbench201
