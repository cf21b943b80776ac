#pragma once
// The search network of NAS-Bench-201 with a gate behind every operation: PGNAS's search network for a space of cells.
// This is an adaptation of ours; the method is Zhou et al. 2020 (arXiv:1906.09557), the space Dong and Yang 2020.
#include "nas/layers/option_gates.h"
#include "nas/spaces/nasbench201/mixed_cell.h"

namespace ockham::nas::nasbench201 {

struct GatedSupernetSpec {
  NetworkSpec network = {.is_affine = false};
  GateOptions gates = {};
  /// Stands for the squared norm of kernels that skip_connect and avg_pool_3x3 do not have; 0: nothing presses on them.
  double constant_square = 0.0;
  /// An edge is the mean of its operations; false: their sum. All of them summed, a cell multiplies what its identities
  /// and pools pass on by up to 18, and the convolutions of later cells drown in it.
  bool averages = true;
};

/// Operation o of edge e is multiplied by a gate that all cells share (nas/layers/option_gates.h). none has no gate; it
/// is what an edge is without its operations. Where the context trains, gates are relaxed; else groups()[i].keep says
/// which operations there are, and an edge is the mean, or sum, of those.
class GatedSupernet : public Module {
 public:
  /// @throws UsageError if a size is not positive or 0 < drop < 1 is not so
  GatedSupernet(const GatedSupernetSpec& spec, Initial& initial);
  ~GatedSupernet() override;

  Variable forward(const Context& context, const Variable& images);
  /// Four of each edge, edge by edge, in the order of the operations but none, with their kernels in all cells.
  const std::vector<GatedGroup>& groups() const { return groups_; }
  /// Of kAlphas drop probabilities' logits [30]; none's entries are never used.
  Parameter& logits() { return gates_->logits(); }

 private:
  class Gates;
  OptionGates* gates_;
  std::unique_ptr<Gates> mixing_;
  Skeleton* skeleton_;
  std::vector<GatedGroup> groups_;
};

}  // namespace ockham::nas::nasbench201
