#pragma once
// The search network of a space of NAS-Bench-1Shot1. Zela, Siems, Hutter 2020; the published one mixes by softmaxes
// (Liu et al. 2019) of each node's operations, of its inputs and of the output's. Its use with switches, as BayesNAS
// searches, and with gates, as PGNAS does, is ours.
#include "nas/spaces/nasbench1shot1/mixed_cell.h"

namespace ockham::nas::nasbench1shot1 {

/// The published search network's sizes.
inline constexpr NetworkSpec kSearchSizes{.channels = 16};

struct SupernetSpec {
  Space space = Space::k1;
  NetworkSpec network = kSearchSizes;
  Mixing mixing = Mixing::kSoftmax;
  GateOptions gates = {};  ///< kGates
};

/// With gates a node is the mean of its operations on the mean of its parents. The output takes its parents as they
/// are, or all by the same factor where the context trains: norms behind them do not see it.
class Supernet : public Module {
 public:
  /// @throws UsageError if a size is not positive, or with gates 0 < drop < 1 is not so
  Supernet(const SupernetSpec& spec, Initial& initial);

  /// Logits [N, classes] of images [N, image_channels, H, W].
  Variable forward(const Context& context, const Variable& images);
  /// In the order of largest() (cell.h). kSoftmax: "alphas_mixed_op" [nodes, 3], "alphas_output" [1, nodes + 1],
  /// "alphas_inputs.I" [1, I] of each node I that has a choice of them. kSwitches: of each cell every node's operations
  /// [3], every part of the output [1], every such node's inputs. kGates: "drop_logits", one for each number.
  std::vector<Parameter*> architecture() { return parameters(ParameterKind::kSwitch); }
  /// kGates: one for each number of largest(), its entry; operations with their kernels in all cells.
  const std::vector<GatedGroup>& groups() const { return groups_; }

 private:
  std::vector<Mixer*> mixers_;  // one, or with switches one a cell
  Skeleton* skeleton_;
  std::vector<GatedGroup> groups_;
};

}  // namespace ockham::nas::nasbench1shot1
