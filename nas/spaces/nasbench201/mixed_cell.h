#pragma once
// The cell of a NAS-Bench-201 search network: all operations on all edges. How the maps at a node are put together is
// the mixer's.
#include "nas/spaces/mixing.h"
#include "nas/spaces/nasbench201/network.h"

namespace ockham::nas::nasbench201 {

struct MixedCellOptions {
  std::int64_t channels = 16;
  bool is_affine = false;
  /// A batch norm behind skip_connect and avg_pool_3x3 too, so that maps of all operations have unit variance.
  bool normalises_all = false;
};

/// Operation o of edge e is option e * kOperations + o. none is no layer and no map; a node without maps is zero, as
/// are the operations on it. Operations are named "edges.E.O".
class MixedCell : public Layer {
 public:
  /// `mixer` outlives the cell.
  MixedCell(const Mixer& mixer, const MixedCellOptions& options, Initial& initial);
  Variable forward(const Context& context, const Variable& x) override;

 private:
  const Mixer& mixer_;
  std::vector<Layer*> operations_;  // kAlphas; null for none
};

}  // namespace ockham::nas::nasbench201
