#pragma once
// The search network of a space: in every cell each node mixes the three operations on a mix of all nodes before it,
// and the output joins all nodes, all by softmaxes that the cells share. Zela, Siems, Hutter 2020; Liu et al. 2019 for
// the mixing.
//
// A node has C channels, whatever it feeds, and a cell of n nodes gives n C of them; the input enters each node and the
// output by a projection of its own. The pools between stacks have a padding of 1, as published: maps of 32, 17 and 9
// pixels. Differs from the published program in the running statistics: there the momentum 0.997 of one framework's
// convention was passed to another, so that they become 0.003 old + 0.997 batch, in effect the last batch's; a sane
// reading is 0.997 old + 0.003 batch, and BatchNorm here takes 0.9 old + 0.1 batch. Judge an architecture by the
// cell's own training, or evaluate with batch statistics.
#include "nas/nasbench1shot1/network.h"
#include "nas/search/search_network.h"

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
  class MixedCell;
  struct Mixtures {
    Variable operations, output;
    std::array<Variable, kMostVertices> inputs;
  };

  Space space_;
  Parameter& operation_logits_;
  Parameter& output_logits_;
  std::array<Parameter*, kMostVertices> input_logits_{};  // by node
  std::vector<Parameter*> architecture_;                  // all logits
  Mixtures mixtures_;                                     // of the pass that runs
  Stacks* stacks_;
  Layer* last_;
  Linear* classifier_;
};

}  // namespace ockham::nas::nasbench1shot1
