#pragma once
// The search network of a space with a gate behind every option: PGNAS's search network for a space of cells. An
// adaptation of ours (nas/layers/option_gates.h); the method is Zhou et al. 2020 (arXiv:1906.09557), the space Zela,
// Siems, Hutter 2020.
#include "nas/layers/option_gates.h"
#include "nas/spaces/nasbench1shot1/mixed_cell.h"

namespace ockham::nas::nasbench1shot1 {

/// Each operation of a node, each of its possible parents where it has a choice, and each of the output's is multiplied
/// by a gate; a node is the mean of its operations on the mean of its parents. The output takes its parents as they
/// are, or all by the same factor where the context trains: norms behind them do not see it. Dropped options are
/// computed all the same.
class GatedSupernet : public Module {
 public:
  /// @throws UsageError if a size is not positive or 0 < drop < 1 is not so
  GatedSupernet(Space space, const NetworkSpec& spec, const GateOptions& options, Initial& initial);
  ~GatedSupernet() override;

  /// Logits [N, classes] of images [N, image_channels, H, W].
  Variable forward(const Context& context, const Variable& images) { return skeleton_->forward(context, images); }
  /// One for each number of largest() (cell.h), its entry; operations with their kernels in all cells.
  const std::vector<GatedGroup>& groups() const { return groups_; }

 private:
  class Gates;
  OptionGates* gates_;
  std::unique_ptr<Gates> mixing_;
  Skeleton* skeleton_;
  std::vector<GatedGroup> groups_;
};

}  // namespace ockham::nas::nasbench1shot1
