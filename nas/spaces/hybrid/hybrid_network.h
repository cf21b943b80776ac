#pragma once
// A residual network of several parallel branches with gates before its convolutions: the search network SupNet-M of
// PGNAS. Zhou et al. 2020 (arXiv:1906.09557), after Gastaldi 2017 (shake-shake, arXiv:1705.07485).
#include "nas/layers/gate.h"

namespace ockham::nas {

/// SupNet-M has width 96, SupNet-MI 160, four blocks a stage.
struct HybridSpec {
  std::int64_t stem = 16;   ///< channels of the first convolution
  std::int64_t width = 16;  ///< channels of the first stage; doubles twice, where the map halves
  std::int64_t blocks_per_stage = 2;
  std::int64_t branches = 2;  ///< of a block, beside its skip
  std::int64_t classes = 10;
  std::int64_t image_channels = 3;
  GateOptions gates = {};
};

/// conv3x3-BN, three stages of blocks, ReLU, global average, linear. A block is the sum of its skip and of branches
/// [ReLU-gate-conv3x3-BN-ReLU-gate-conv3x3-BN]; where it widens, its skip is ReLU, two 1x1 convolutions side by side,
/// with a gate each and the second shifted by a pixel, BN. Branches are plainly added, without the random factors that
/// the published program keeps from shake-shake, and the first convolution, whose inputs are colours, has no gate.
/// Convolutions start normal with variance 2 / (k^2 output channels) (He et al. 2015).
class HybridNetwork : public Module {
 public:
  /// @throws UsageError if a size is too small, or gates.drop not between 0 and 1
  HybridNetwork(const HybridSpec& spec, Initial& initial);

  /// Class logits [N, classes] of images [N, image_channels, H, W], H and W divisible by 4. Gates are relaxed where
  /// the context trains, else what groups()[i].keep says.
  Variable forward(const Context& context, const Variable& images);
  /// One for each gated convolution, in the order of the network.
  const std::vector<GatedGroup>& groups() const { return groups_; }

 private:
  std::vector<GatedGroup> groups_;
  Layer* stem_ = nullptr;
  std::vector<Layer*> blocks_;
  Linear* classifier_ = nullptr;
};

}  // namespace ockham::nas
