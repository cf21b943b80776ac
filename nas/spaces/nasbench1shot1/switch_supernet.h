#pragma once
// The search network of a space with independent switches in place of softmaxes: in every cell each number of a node's
// operations, of its inputs where it has a choice and of the output's is a scalar of its own. What BayesNAS (Zhou et
// al. 2019, arXiv:1905.04919) searches; its use on these spaces is ours.
#include <map>

#include "nas/spaces/nasbench1shot1/mixed_cell.h"

namespace ockham::nas::nasbench1shot1 {

class SwitchSupernet : public Module {
 public:
  /// Switches start at 1. @throws UsageError if a size is not positive
  SwitchSupernet(Space space, const NetworkSpec& spec, Initial& initial);
  ~SwitchSupernet() override;

  /// Logits [N, classes] of images [N, image_channels, H, W].
  Variable forward(const Context& context, const Variable& images) { return skeleton_->forward(context, images); }
  /// Of each cell in the order of largest(): of every node's operations [3], of every part of the output [1], of every
  /// node's parents where it has a choice.
  const std::vector<Parameter*>& switches() const { return switches_; }

 private:
  class Switches;
  /// By their first number.
  std::map<std::size_t, Parameter*> add_switches(Space space, const Initial& initial);

  std::vector<std::unique_ptr<Switches>> mixings_;  // by cell
  std::vector<Parameter*> switches_;
  Skeleton* skeleton_;
};

}  // namespace ockham::nas::nasbench1shot1
