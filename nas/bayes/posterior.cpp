#include "nas/bayes/posterior.h"

#include <algorithm>
#include <limits>

#include "nas/bayes/sparse_prior.h"

namespace ockham::nas {
namespace {

/// All groups, each after those that gate it.
class GatesFirst {
 public:
  explicit GatesFirst(std::span<const SwitchGroup> groups) : groups_(groups), is_placed_(groups.size(), false) {
    for (std::size_t i = 0; i < groups.size(); ++i)
      place(i);
  }
  const std::vector<std::size_t>& order() const { return order_; }

 private:
  void place(std::size_t i) {
    if (is_placed_[i])
      return;
    is_placed_[i] = true;
    const SwitchGates& gates = groups_[i].gates;
    if (gates.origin)
      place(*gates.origin);
    for (const std::size_t before : gates.before)
      place(before);
    order_.push_back(i);
  }

  std::span<const SwitchGroup> groups_;
  std::vector<bool> is_placed_;
  std::vector<std::size_t> order_;
};

double sum_of(std::span<const SwitchGroup> groups, const std::vector<std::size_t>& members, DagSum what) {
  double sum = 0.0;
  for (const std::size_t i : members) {
    if (!groups[i].is_pruned())
      sum += what == DagSum::kGamma ? groups[i].state.gamma : groups[i].effective;
  }
  return sum;
}

/// Infinite where nothing gates the group.
double gate_of(std::span<const SwitchGroup> groups, const SwitchGates& gates, const PosteriorOptions& options) {
  const bool has_origin = gates.origin && options.gate != Gate::kDag;
  const bool has_dag = !gates.is_origin && !gates.before.empty() && options.gate != Gate::kOrigin;
  const double origin = has_origin ? groups[*gates.origin].state.gamma : std::numeric_limits<double>::infinity();
  if (!has_dag)
    return origin;
  const double dag = sum_of(groups, gates.before, options.dag_sum);
  return has_origin ? effective_variance(origin, dag) : dag;
}

void update(SwitchGroup& group, double gate, const PosteriorOptions& options) {
  const bool is_origin = group.gates.is_origin;
  GroupState start = group.state;
  if (options.compound_gate && !is_origin)
    start.gamma = group.effective;
  const bool is_narrowed = options.gate_in_covariance && !is_origin;
  update_group(start, group.w, group.hessian, options.lambda(group.gates), options.laplace,
               is_narrowed ? 1.0 / std::max(gate, options.laplace.lowest) : 0.0);
  group.state = std::move(start);
  group.effective = is_origin ? group.state.gamma : effective_variance(group.state.gamma, gate);
}

bool are_pruned(std::span<const SwitchGroup> groups, const std::vector<std::size_t>& members) {
  return !members.empty() && std::ranges::all_of(members, [&](std::size_t i) { return groups[i].is_pruned(); });
}

/// By origin: the operations of its edge.
std::vector<std::vector<std::size_t>> operations_of(std::span<const SwitchGroup> groups) {
  std::vector<std::vector<std::size_t>> result(groups.size());
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (groups[i].gates.origin)
      result[*groups[i].gates.origin].push_back(i);
  }
  return result;
}

}  // namespace

SwitchGroup make_group(SwitchGates gates, std::size_t copies) {
  return {.gates = std::move(gates), .w = std::vector(copies, 1.0), .hessian = std::vector(copies, 0.0)};
}

void update_posterior(std::span<SwitchGroup> groups, const PosteriorOptions& options) {
  const GatesFirst sorted(groups);
  for (const std::size_t i : sorted.order()) {
    if (groups[i].is_switch() && !groups[i].is_pruned())
      update(groups[i], gate_of(groups, groups[i].gates, options), options);
  }
}

std::vector<bool> redundant_by_entropy(std::span<const SwitchGroup> groups, double threshold) {
  std::vector<bool> result;
  for (const SwitchGroup& group : groups)
    result.push_back(is_redundant(group.effective, threshold));
  return result;
}

int prune_posterior(std::span<SwitchGroup> groups, const std::vector<bool>& redundant, int round) {
  const std::vector<std::vector<std::size_t>> operations = operations_of(groups);
  const auto is_useless = [&](std::size_t i) {
    const SwitchGates& gates = groups[i].gates;
    return redundant[i] || (gates.origin && groups[*gates.origin].is_pruned()) || are_pruned(groups, gates.before) ||
           are_pruned(groups, gates.behind) || are_pruned(groups, operations[i]);
  };
  int count = 0;
  for (int before = -1; before != count;) {
    before = count;
    for (std::size_t i = 0; i < groups.size(); ++i) {
      if (!groups[i].is_switch() || groups[i].is_pruned() || !is_useless(i))
        continue;
      groups[i].pruned_round = round;
      std::ranges::fill(groups[i].w, 0.0);
      ++count;
    }
  }
  return count;
}

double posterior_penalty(std::span<const SwitchGroup> groups, const PosteriorOptions& options) {
  double sum = 0.0;
  for (const SwitchGroup& group : groups) {
    if (!group.is_pruned())
      sum += group_penalty(group.w, options.lambda(group.gates) * group.state.omega);
  }
  return sum;
}

}  // namespace ockham::nas
