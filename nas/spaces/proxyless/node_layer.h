#pragma once
// Inside nas/spaces/proxyless only: a node of a tree with all behind it, as a layer.
#include "nas/spaces/proxyless/network.h"

namespace ockham::nas::proxyless {

/// What the nodes of a block's tree share.
struct BlockState {
  bool has_switches = false;
  const double& drop_probability;
  std::uint64_t first_stream = 0;  ///< of drop path
  BlockSwitches switches = {};     ///< filled in by the nodes
  std::vector<bool> is_kept = {};  ///< by edge
};

/// Halves the map for stride 2. @throws UsageError for channels < 1
std::unique_ptr<Layer> make_operation(Operation operation, std::int64_t channels, std::int64_t stride,
                                      Initial& initial);

class NodeLayer : public Layer {
 public:
  /// Of a node that is no end. @param stride  of its own branches; those behind them have 1
  NodeLayer(const Node& node, std::int64_t channels, std::int64_t stride, BlockState& state, Initial& initial);
  Variable forward(const Context& context, const Variable& x) override;
  bool is_empty() const;

 private:
  struct Way {
    std::size_t edge;
    std::size_t place;
    Layer* operation;
    NodeLayer* node = nullptr;   // behind it; null: an end
    Parameter* inner = nullptr;  // the edge's switch, before that node
    Parameter* outer = nullptr;  // kConcat: behind all of the branch, the edge's switch or that of the node
  };

  void add_way(const Branch& branch, std::size_t place, std::int64_t stride, Initial& initial);
  SwitchPlaces::Entry add_outer(Way& way, const Initial& initial);
  Variable input_of(const Way& way, const Variable& x) const;
  Deferred run(const Context& context, const Way& way, const Variable& x) const;
  Variable dropped(const Context& context, const Way& way, const Variable& y) const;
  Variable mean(const Context& context, const Variable& x) const;
  Variable joined(const Context& context, const Variable& x) const;

  Merge merge_;
  std::vector<std::int64_t> begin_;  // by place: the first channel of a branch, and the number of all
  BlockState& state_;
  std::vector<Way> ways_;
  Parameter* outer_ = nullptr;  // kMean: [places]
};

}  // namespace ockham::nas::proxyless
