#include "nas/bayes/posterior.h"

#include <algorithm>
#include <limits>

#include "nas/bayes/sparse_prior.h"

namespace ockham::nas {
namespace {

constexpr double kOpen = std::numeric_limits<double>::infinity();

/// Gamma_e = sum over edges into the node that edge e starts at, and over their operations; a cell input is always
/// open.
double dag_gate(const CellPosterior& cell, const EdgeSpec& edge, DagSum what) {
  if (is_input(edge.from))
    return kOpen;
  double sum = 0.0;
  for (std::size_t e = 0; e < cell.edges.size(); ++e) {
    if (node_id(cell.spec.edges[e].to) != edge.from)
      continue;
    for (const SwitchGroup& op : cell.edges[e].ops) {
      if (!op.pruned())
        sum += what == DagSum::kGamma ? op.state.gamma : op.effective;
    }
  }
  return sum;
}

double gate_of(const CellPosterior& cell, std::size_t e, const PosteriorOptions& options) {
  const double origin = options.gate == Gate::kDag ? kOpen : cell.edges[e].origin.state.gamma;
  const double dag = options.gate == Gate::kOrigin ? kOpen : dag_gate(cell, cell.spec.edges[e], options.dag_sum);
  return effective_variance(origin, dag);
}

void update_op(SwitchGroup& op, double gate, const PosteriorOptions& options) {
  if (op.pruned())
    return;
  GroupState start = op.state;
  if (options.compound_gate)
    start.gamma = op.effective;
  update_group(start, op.w, op.hessian, options.lambda_child, options.laplace,
               options.gate_in_covariance ? 1.0 / std::max(gate, options.laplace.lowest) : 0.0);
  op.state = std::move(start);
  op.effective = effective_variance(op.state.gamma, gate);
}

class Pruner {
 public:
  explicit Pruner(int round) : round_(round) {}
  void prune(SwitchGroup& group) {
    if (group.pruned())
      return;
    group.pruned_round = round_;
    std::fill(group.w.begin(), group.w.end(), 0.0);
    ++count_;
  }
  void prune(EdgePosterior& edge) {
    prune(edge.origin);
    for (SwitchGroup& op : edge.ops)
      prune(op);
  }
  int count() const { return count_; }

 private:
  int round_;
  int count_ = 0;
};

SwitchGroup make_group(std::size_t copies) {
  SwitchGroup group;
  group.w.assign(copies, 1.0);
  group.hessian.assign(copies, 0.0);
  return group;
}

double kept_penalty(const SwitchGroup& group, double lambda) {
  return group.pruned() ? 0.0 : group_penalty(group.w, lambda * group.state.omega);
}

}  // namespace

CellPosterior make_posterior(const CellSpec& spec, std::span<const Primitive> primitives, int copies) {
  CellPosterior cell{.spec = spec, .primitives = {primitives.begin(), primitives.end()}};
  const SwitchGroup group = make_group(static_cast<std::size_t>(copies));
  cell.edges.assign(spec.edges.size(), {.origin = group, .ops = std::vector(primitives.size(), group)});
  return cell;
}

void update_posterior(CellPosterior& cell, const PosteriorOptions& options) {
  for (std::size_t e = 0; e < cell.edges.size(); ++e) {  // sorted by target node, which is topological
    SwitchGroup& origin = cell.edges[e].origin;
    if (!origin.pruned()) {
      update_group(origin.state, origin.w, origin.hessian, options.lambda_origin, options.laplace);
      origin.effective = origin.state.gamma;
    }
    const double gate = gate_of(cell, e, options);
    for (SwitchGroup& op : cell.edges[e].ops)
      update_op(op, gate, options);
  }
}

int prune_posterior(CellPosterior& cell, int round, double tau) {
  Pruner pruner(round);
  std::vector<bool> alive(static_cast<std::size_t>(cell.spec.nodes), false);
  for (std::size_t e = 0; e < cell.edges.size(); ++e) {
    EdgePosterior& edge = cell.edges[e];
    const EdgeSpec& place = cell.spec.edges[e];
    const bool unfed = !is_input(place.from) && !alive[static_cast<std::size_t>(place.from - kInputs)];
    for (SwitchGroup& op : edge.ops) {
      if (is_redundant(op.effective, tau))
        pruner.prune(op);
    }
    const bool empty = std::all_of(edge.ops.begin(), edge.ops.end(), [](const auto& op) { return op.pruned(); });
    if (unfed || empty || edge.origin.pruned() || is_redundant(edge.origin.effective, tau))
      pruner.prune(edge);
    else
      alive[static_cast<std::size_t>(place.to)] = true;
  }
  return pruner.count();
}

std::vector<EdgeVariances> variances(const CellPosterior& cell) {
  const auto variance = [](const SwitchGroup& group) { return group.pruned() ? 0.0 : group.effective; };
  std::vector<EdgeVariances> result;
  for (const EdgePosterior& edge : cell.edges) {
    EdgeVariances& last = result.emplace_back(EdgeVariances{.origin = variance(edge.origin)});
    std::transform(edge.ops.begin(), edge.ops.end(), std::back_inserter(last.ops), variance);
  }
  return result;
}

double posterior_penalty(const CellPosterior& cell, const PosteriorOptions& options) {
  double sum = 0.0;
  for (const EdgePosterior& edge : cell.edges) {
    sum += kept_penalty(edge.origin, options.lambda_origin);
    for (const SwitchGroup& op : edge.ops)
      sum += kept_penalty(op, options.lambda_child);
  }
  return sum;
}

}  // namespace ockham::nas
