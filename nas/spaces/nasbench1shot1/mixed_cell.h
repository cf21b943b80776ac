#pragma once
// The search network of a space around what it learns: in every cell each node mixes the three operations on a mix of
// all nodes before it, and the output joins all nodes. How much there is of each is the mixer's. Zela, Siems, Hutter
// 2020.
//
// A node has C channels, whatever it feeds, and a cell of n nodes gives n C of them; the input enters each node and the
// output by a projection of its own. The pools between stacks have a padding of 1, as published: maps of 32, 17 and 9
// pixels. Differs from the published program in the running statistics: there the momentum 0.997 of one framework's
// convention was passed to another, so that they become 0.003 old + 0.997 batch, in effect the last batch's; a sane
// reading is 0.997 old + 0.003 batch, and BatchNorm here takes 0.9 old + 0.1 batch. Judge an architecture by the
// cell's own training, or evaluate with batch statistics.
#include "nas/spaces/mixing.h"
#include "nas/spaces/nasbench1shot1/network.h"

namespace ockham::nas::nasbench1shot1 {

/// Node i: the mix over operations o of o(mix over candidates j of j), candidates the projected input and the nodes
/// before; a plain sum of them where the node has no choice. The output: its part of the projected input + join over i
/// of its part of node i. Options are the numbers of largest() (cell.h); dropped ones are computed all the same. Layers
/// are named "projections.V" and "operations.V.O".
class MixedCell : public Layer {
 public:
  /// `mixer` outlives the cell.
  MixedCell(const Mixer& mixer, Space space, std::int64_t in, std::int64_t channels, Initial& initial);
  Variable forward(const Context& context, const Variable& x) override;

 private:
  /// As much of maps[k] as there is of option `first + k`; zeros if all are dropped.
  Variable sum(const Context& context, std::span<const Deferred> maps, std::size_t first) const;

  const Mixer& mixer_;
  Space space_;
  std::array<Layer*, kMostVertices> projections_{};
  std::array<std::vector<Layer*>, kMostVertices> operations_;
};

/// Stacks of mixed cells and the head behind them.
class Skeleton : public Module {
 public:
  /// @throws UsageError if a size is not positive
  Skeleton(Space space, const NetworkSpec& spec, Initial& initial, const Stacks::MakeCell& make_cell);
  /// Logits [N, classes] of images [N, image_channels, H, W].
  Variable forward(const Context& context, const Variable& images);

 private:
  Stacks* stacks_;
  Layer* last_;
  Linear* classifier_;
};

}  // namespace ockham::nas::nasbench1shot1
