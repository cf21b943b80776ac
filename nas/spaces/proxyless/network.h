#pragma once
// PyramidNet with bottleneck blocks whose 3x3 convolution is a tree of operations. Han, Kim, Kim 2017
// (arXiv:1610.02915) for the network, Cai et al. 2018 (arXiv:1806.02639) for the trees in it. With 54 blocks of
// tree_cell_a() it has 5,724,330 parameters at a widening of 84 and 14,273,454 at 150 (their table 1: 5.7 and 14.3
// million), with 54 of plain_tree() 2,740,368 at 84.
#include "nas/layers/layer.h"
#include "nas/network/classifier.h"
#include "nas/spaces/proxyless/tree.h"
#include "nas/spaces/space.h"

namespace ockham::nas::proxyless {

struct NetworkSpec {
  std::int64_t channels = 16;  ///< of the stem
  std::int64_t widening = 84;  ///< channels that the tree of the last block has more than the stem
  std::int64_t classes = 10;
  std::int64_t image_channels = 3;
  std::int64_t image_size = 32;
};

/// The switches of a block, by edge and node of parts_of() its tree. Each stands behind what it is the switch of: an
/// edge's behind its operation, a node's behind its merge. The root's multiplies what the block adds to its shortcut:
/// between the tree and the norm behind it nobody would see it, and its zero would not leave the shortcut alone.
struct BlockSwitches {
  std::vector<SwitchPlaces::Entry> edges, nodes;
};

class Block;

/// Convolution and BN; groups of blocks, of which all but the first halve the map in their first block; BN, ReLU, mean,
/// linear. Block b of n reads its input through BN and a 1x1 convolution to channels + widening (b + 1) / n channels,
/// rounded, then down to an even number; these the tree maps, which halves where its root does; behind it BN, ReLU, a
/// 1x1 convolution to four times as many, BN. The shortcut has zeros for missing channels and means of 2x2 where the
/// map halves. Convolutions start normal with variance 2 / (k^2 channels of a group) (He et al. 2015, fan out).
/// Drop path acts on every branch.
class Network : public Classifier {
 public:
  /// @param has_switches  all 1; Drop path does not act then
  /// @throws UsageError for sizes that are too small, or an image that cannot be halved as often
  Network(const Genotype& genotype, const NetworkSpec& spec, Initial& initial, bool has_switches = false);

  ClassifierOutput forward(const Context& context, const Variable& images) override;
  /// The map whose mean over pixels the classifier takes.
  Variable features(const Context& context, const Variable& images);

  std::size_t block_count() const { return blocks_.size(); }
  const BlockSwitches& switches(std::size_t block) const;
  /// Leaves all other edges out of a block, by edge of parts_of() its tree. @param is_kept as of kept_edges()
  void keep(std::size_t block, std::vector<bool> is_kept);

 private:
  Layer* stem_;
  std::vector<Block*> blocks_;
  Layer* last_;
  Linear* classifier_;
};

}  // namespace ockham::nas::proxyless
