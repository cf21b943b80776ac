#pragma once
// Which slices of a network's tensors belong to one channel. The inference pass is traced, and channels are followed
// through its ops (rules.cpp): a network needs nothing for it, an op a line there. Channels that are added, or pass
// from one layer to the next, are one class, and only whole classes can go: the filter that writes a channel, its
// entries of norms, and what reads it; on a residual stream of all blocks together. Fang et al. 2023 (DepGraph,
// arXiv:2301.12900).
#include <functional>

#include "autograd/module.h"
#include "nas/compression/channels/flow.h"

namespace ockham::nas {

using Forward = std::function<Variable(const Context& context, const Variable& images)>;

/// All entries of a parameter or buffer whose index along `axis` is `index`.
struct ChannelSlice {
  std::size_t parameter;  ///< in Module::state()
  int axis;               ///< 0: what writes the channel, or its entry of a norm; 1: what reads it
  std::int64_t index;
};

struct ChannelClass {
  std::string name;  ///< of its first slice: "layer1.0.conv1.weight[3]"
  std::vector<ChannelSlice> slices;
  bool is_fixed = false;  ///< image channels, logits, and what an op reads that tells channels by their numbers
};

class ChannelGraph {
 public:
  /// @param module  what `forward` runs; it must outlive the graph
  /// @param image  [channels, height, width]
  /// Cost: one pass over one image.
  /// @throws Error naming an op without a rule
  ChannelGraph(const Forward& forward, Module& module, const Shape& image);

  const std::vector<Parameter*>& state() const { return flow_.state(); }
  const std::vector<ChannelClass>& classes() const { return classes_; }
  /// Of an element of the flow.
  std::size_t class_of(std::size_t element) const { return class_of_[element]; }
  const ChannelFlow& flow() const { return flow_; }

 private:
  ChannelFlow flow_;
  std::vector<ChannelClass> classes_;
  std::vector<std::size_t> class_of_;
};

}  // namespace ockham::nas
