#pragma once
// The search network of NAS-Bench-201: every cell has all operations on every edge. Dong and Yang 2020; the published
// one mixes by softmax (Liu et al. 2019). Its use with switches, as BayesNAS searches, and with gates, as PGNAS does,
// is ours.
#include "nas/spaces/nasbench201/mixed_cell.h"

namespace ockham::nas::nasbench201 {

struct SupernetSpec {
  /// The published search network has batch norm in its cells without scale and shift, and normalises with the batch's
  /// statistics in evaluation too.
  NetworkSpec network = {.is_affine = false};
  Mixing mixing = Mixing::kSoftmax;
  bool normalises_all = true;  ///< kSwitches: maps of skip_connect and avg_pool_3x3 too
  GateOptions gates = {};      ///< kGates
};

/// none takes part in the softmax alone; with switches and gates it is what remains of an edge without operations, and
/// its numbers are never used.
///
/// With switches, maps of skip_connect and avg_pool_3x3 are batch-normalised unless it is told otherwise, as pools are
/// in BayesNAS's own space: only then does a switch tell how much an operation gives. As switches shrink, so do the
/// maps that an operation without a norm passes on, and its switch would have to stay larger than a convolution's for
/// the same share of the node.
class Supernet : public Module {
 public:
  /// @throws UsageError if a size is not positive, or with gates 0 < drop < 1 is not so
  Supernet(const SupernetSpec& spec, Initial& initial);

  /// Logits [N, classes] of images [N, image_channels, H, W].
  Variable forward(const Context& context, const Variable& images);
  /// kSoftmax: "alphas" [6, 5], a row an edge. kSwitches: of each cell those of the edges into node 1 [5], 2 [10] and 3
  /// [15]. kGates: "drop_logits" [30].
  std::vector<Parameter*> architecture() { return parameters(ParameterKind::kSwitch); }
  /// kGates: four of each edge, edge by edge, in the order of the operations but none, with their kernels in all cells.
  const std::vector<GatedGroup>& groups() const { return groups_; }

 private:
  std::vector<Mixer*> mixers_;  // one, or with switches one a cell
  Skeleton* skeleton_;
  std::vector<GatedGroup> groups_;
};

}  // namespace ockham::nas::nasbench201
