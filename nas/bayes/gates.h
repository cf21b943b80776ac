#pragma once
// What stands before a group of switches in a search network and can switch it off: the dependency that BayesNAS's
// prior and pruning follow (Zhou et al. 2019, arXiv:1905.04919). Groups are named by their number in the network.
#include <cstddef>
#include <optional>
#include <vector>

namespace ockham::nas {

/// An operation's group has an origin where its edge has a switch of its own, and its origin is one. What a group reads
/// is cut off when all groups of `before` are pruned; where there are none, it reads an input, which never is.
struct SwitchGates {
  bool is_origin = false;                ///< an edge's own switch
  std::optional<std::size_t> origin{};   ///< the group of its edge's own switch
  std::vector<std::size_t> before = {};  ///< the groups that feed it
};

}  // namespace ockham::nas
