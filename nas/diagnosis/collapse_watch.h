#pragma once
// Warns of a search about to collapse: Zela et al. 2020 stop one where the largest eigenvalue of the architecture's
// Hessian has grown by a third within five epochs; here it is said.
#include <map>
#include <string>
#include <vector>

#include "nas/spaces/search_network.h"

namespace ockham::nas {

class CollapseWatch {
 public:
  struct Sight {
    double eigenvalue = 0.0;
    std::string warning = {};  ///< empty: there is no cause
  };
  /// The largest eigenvalue on this batch, once an epoch.
  Sight look(const SearchNetwork& network, const Batch& batch, std::uint64_t seed);

  /// The eigenvalues of the last epochs, for checkpoints; nothing where there are none.
  void add_to(std::map<std::string, Tensor>& state) const;
  /// @throws CheckpointError for tensors that add_to() does not give
  void load(const std::map<std::string, Tensor>& state);

 private:
  std::vector<double> eigenvalues_;
};

}  // namespace ockham::nas
