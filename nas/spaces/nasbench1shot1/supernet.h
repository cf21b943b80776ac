#pragma once
// The search network of a space by softmaxes that the cells share: of each node's operations, of its inputs and of the
// output's. Zela, Siems, Hutter 2020; Liu et al. 2019 for the mixing.
#include "nas/spaces/nasbench1shot1/mixed_cell.h"
#include "nas/spaces/search_network.h"

namespace ockham::nas::nasbench1shot1 {

/// The published search network's sizes.
inline constexpr NetworkSpec kSearchSizes{.channels = 16};

class Supernet : public Module {
 public:
  /// Logits start at 1e-3 times a normal.
  /// @throws UsageError if a size is not positive
  Supernet(Space space, const NetworkSpec& spec, Initial& initial);
  ~Supernet() override;

  /// Logits [N, classes] of images [N, image_channels, H, W].
  Variable forward(const Context& context, const Variable& images);
  /// What search methods take; this network must outlive it.
  SearchNetwork search_network();

  /// "alphas_mixed_op" [nodes, 3], a row a node.
  Parameter& operation_logits() { return operation_logits_; }
  /// "alphas_output" [1, nodes + 1]: the input, node 1, ...
  Parameter& output_logits() { return output_logits_; }
  /// "alphas_inputs.I" [1, I] of node I: the input, node 1, ..., node I - 1. Null where the node takes all of them.
  Parameter* input_logits(std::size_t node) { return input_logits_[node]; }

  /// largest() of the logits. A cell of the space: look up or train pruned() of it.
  Cell derive() const;

 private:
  class Softmax;
  Space space_;
  std::unique_ptr<Softmax> softmax_;
  Parameter& operation_logits_;
  Parameter& output_logits_;
  std::array<Parameter*, kMostVertices> input_logits_{};  // by node
  std::vector<Parameter*> architecture_;                  // all logits
  Skeleton* skeleton_;
};

}  // namespace ockham::nas::nasbench1shot1
