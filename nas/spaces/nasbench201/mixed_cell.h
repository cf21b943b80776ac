#pragma once
// The cell of a NAS-Bench-201 search network: all operations on all edges. How the branches of a node are put together
// is the search network's.
#include "nas/spaces/nasbench201/network.h"

namespace ockham::nas::nasbench201 {

/// An operation of an edge: e * kOperations + o, in 0 to kAlphas - 1.
using Branch = std::int64_t;

class Mixing {
 public:
  virtual ~Mixing() = default;
  /// False where the branch is zero and need not be computed.
  virtual bool takes(const Context&, Branch) const { return true; }
  /// The node of the branches that it takes, at least one.
  virtual Variable node(const Context& context, std::span<const Deferred> maps,
                        const std::vector<Branch>& branches) const = 0;
};

struct MixedCellOptions {
  std::int64_t channels = 16;
  bool is_affine = false;
  /// A batch norm behind skip_connect and avg_pool_3x3 too, so that maps of all operations have unit variance.
  bool normalises_all = false;
};

/// none is no layer and no branch. A node without branches is zero, as are the operations on it. Operations are named
/// "edges.E.O".
class MixedCell : public Layer {
 public:
  /// `mixing` outlives the cell.
  MixedCell(const Mixing& mixing, const MixedCellOptions& options, Initial& initial);
  Variable forward(const Context& context, const Variable& x) override;

 private:
  const Mixing& mixing_;
  std::vector<Layer*> operations_;  // kAlphas; null for none
};

}  // namespace ockham::nas::nasbench201
