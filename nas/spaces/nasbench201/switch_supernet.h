#pragma once
// The search network of NAS-Bench-201 with independent switches in place of a softmax: operation o of edge e is
// multiplied by a scalar of its own in every cell, and none is what remains of an edge without operations. What
// BayesNAS (Zhou et al. 2019, arXiv:1905.04919) searches; its use on this space is ours.
//
// Maps of skip_connect and avg_pool_3x3 are batch-normalised here, as pools are in BayesNAS's own space: only then does
// a switch tell how much an operation gives. As switches shrink, so do the maps that an operation without a norm passes
// on, and its switch would have to stay larger than a convolution's for the same share of the node.
#include "nas/spaces/nasbench201/mixed_cell.h"

namespace ockham::nas::nasbench201 {

class SwitchSupernet : public Module {
 public:
  /// Switches start at 1. @throws UsageError if a size is not positive
  SwitchSupernet(const NetworkSpec& spec, Initial& initial);
  ~SwitchSupernet() override;

  Variable forward(const Context& context, const Variable& images) { return skeleton_->forward(context, images); }
  /// Of each cell those of the edges into node 1 [5], 2 [10] and 3 [15]: in all e * kOperations + o. none's entries are
  /// never used.
  const std::vector<Parameter*>& switches() const { return switches_; }

 private:
  class Switches;
  std::array<Parameter*, 3> add_switches(const Initial& initial);

  std::vector<std::unique_ptr<Switches>> mixings_;  // by cell
  std::vector<Parameter*> switches_;
  Skeleton* skeleton_;
};

}  // namespace ockham::nas::nasbench201
