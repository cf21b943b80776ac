#pragma once
// Cells that are drawn and ranked by training-free proxies.
#include "nas/methods/method.h"

namespace ockham::nas {

/// The cells draw(0) to draw(count - 1), equal ones once with how often they came. Those whose output is cut off are
/// left out, unless all are: some proxies give them ordinary numbers.
std::vector<Candidate> distinct_connected(const SearchSpace& space, std::int64_t count,
                                          const std::function<std::string(std::int64_t)>& draw);

struct ProxyJudge {
  std::vector<std::string> proxies;  ///< of nas/proxies/registry.h; several: their rank sum
  std::uint64_t seed = 0;            ///< of the networks' initial weights

  /// @throws UsageError for a proxy that is unknown or needs features that the space's networks do not tell
  void require_usable(const SearchSpace& space) const;
  /// Fills in the scores, larger is better, by networks in float64 on the host.
  void score(const SearchSpace& space, std::vector<Candidate>& cells, const Batch& images, const Pause& pause) const;
};

}  // namespace ockham::nas
