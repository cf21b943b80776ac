#pragma once
// Warns of a search about to collapse: Zela et al. 2020 stop one where the largest eigenvalue of the architecture's
// Hessian has grown by a third within five epochs; here it is said.
#include <map>
#include <vector>

#include "apps/cli/log.h"
#include "nas/spaces/space.h"
#include "nas/train/score.h"

namespace ockham::apps {

class CollapseWatch {
 public:
  explicit CollapseWatch(Log& log) : log_(log) {}

  /// The largest eigenvalue on this batch, once an epoch.
  double measure(const nas::SearchNetwork& network, const nas::Batch& batch, std::uint64_t seed);

  /// The eigenvalues of the last epochs, for checkpoints; nothing where there are none.
  void add_to(std::map<std::string, Tensor>& state) const;
  /// @throws CheckpointError for tensors that add_to() does not give
  void load(const std::map<std::string, Tensor>& state);

 private:
  Log& log_;
  std::vector<double> eigenvalues_;
};

}  // namespace ockham::apps
