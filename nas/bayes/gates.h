#pragma once
// What stands before a group of switches in a search network and can switch it off: the dependency that BayesNAS's
// prior and pruning follow (Zhou et al. 2019, arXiv:1905.04919). Groups are named by their number in the network.
#include <cstddef>
#include <optional>
#include <vector>

namespace ockham::nas {

/// An operation's group has an origin where its edge, or the node that it is a branch of, has a switch of its own, and
/// its origin is one. What a group reads is cut off when all groups of `before` are pruned; where there are none, it
/// reads an input, which never is. Where all of `behind` are pruned, nothing reads what it gives.
struct SwitchGates {
  bool is_origin = false;                ///< an edge's or a node's own switch
  std::optional<std::size_t> origin{};   ///< the group of that switch
  std::vector<std::size_t> before = {};  ///< the groups that feed it
  std::vector<std::size_t> behind = {};  ///< those that it feeds; none: an output, which is always read
};

}  // namespace ockham::nas
