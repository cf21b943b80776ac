#include "nas/bayes/posterior.h"

#include <cmath>

#include "nas/bayes/derive.h"
#include "nas/bayes/entropy.h"
#include "nas/bayes/sparse_prior.h"
#include "tests/support.h"

using namespace ockham::nas;

namespace {

constexpr std::array kTwoOps = {Primitive::kSepConv3, Primitive::kIdentity};

/// The groups of one cell's edges: of each its origin, then its operations.
struct Cell {
  struct Edge {
    SwitchGroup& origin;
    std::span<SwitchGroup> ops;
  };

  Cell(CellSpec cell, std::span<const Primitive> operations, std::size_t copies)
      : spec(std::move(cell)), primitives(operations.begin(), operations.end()) {
    for (std::size_t e = 0; e < spec.edges.size(); ++e) {
      std::vector<std::size_t> before;
      for (std::size_t other = 0; other < spec.edges.size(); ++other) {
        for (std::size_t o = 0; o < primitives.size(); ++o) {
          if (node_id(spec.edges[other].to) == spec.edges[e].from)
            before.push_back(first(other) + 1 + o);
        }
      }
      groups.push_back(make_group({.is_origin = true, .before = before}, copies));
      for (std::size_t o = 0; o < primitives.size(); ++o)
        groups.push_back(make_group({.origin = first(e), .before = before}, copies));
    }
  }
  std::size_t first(std::size_t e) const { return e * (primitives.size() + 1); }
  Edge edge(std::size_t e) { return {groups[first(e)], std::span(groups).subspan(first(e) + 1, primitives.size())}; }

  CellSpec spec;
  std::vector<Primitive> primitives;
  std::vector<SwitchGroup> groups;
};

/// The reduction topology (sel_0_1, sel_0_2, sel_0_3 read node 0), all switches 1, equal curvature.
Cell reduction_posterior() {
  Cell cell(bayesnas_cell(CellKind::kReduction), kTwoOps, 2);
  for (SwitchGroup& group : cell.groups)
    group.hessian.assign(2, 0.02);
  return cell;
}

Cell::Edge edge_named(Cell& cell, const std::string& name) {
  for (std::size_t e = 0; e < cell.spec.edges.size(); ++e) {
    if (edge_name(cell.spec.edges[e].from, cell.spec.edges[e].to) == name)
      return cell.edge(e);
  }
  throw std::runtime_error("no edge " + name);
}

CellVariances variances(Cell& cell) {
  const auto variance = [](const SwitchGroup& group) { return group.is_pruned() ? 0.0 : group.effective; };
  CellVariances result{.spec = cell.spec, .primitives = cell.primitives};
  for (std::size_t e = 0; e < cell.spec.edges.size(); ++e) {
    const Cell::Edge edge = cell.edge(e);
    result.edges.push_back({.origin = variance(edge.origin)});
    std::ranges::transform(edge.ops, std::back_inserter(result.edges.back().ops), variance);
  }
  return result;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(posterior)

BOOST_AUTO_TEST_CASE(starts_with_ones) {
  Cell cell(bayesnas_cell(CellKind::kNormal), kBayesnasPrimitives, 6);
  BOOST_TEST(cell.groups.size() == 8u * (1 + 7));
  BOOST_TEST(cell.edge(0).ops[0].w == std::vector<double>(6, 1.0), boost::test_tools::per_element());
  BOOST_TEST(cell.edge(0).origin.state.gamma == 1.0);
  BOOST_TEST(cell.edge(0).origin.state.omega == 1.0);
}

BOOST_AUTO_TEST_CASE(stores_the_own_and_the_effective_variance_apart) {
  Cell cell = reduction_posterior();
  update_posterior(cell.groups, {});
  const SwitchGroup& op = cell.edge(0).ops[0];
  BOOST_TEST(op.state.gamma == std::sqrt(2.0), boost::test_tools::tolerance(1e-14));
  BOOST_TEST(op.effective == effective_variance(op.state.gamma, cell.edge(0).origin.state.gamma));
  BOOST_TEST(cell.edge(0).origin.effective == cell.edge(0).origin.state.gamma);
}

BOOST_AUTO_TEST_CASE(code_order_on_a_cell_gives_the_golden_numbers) {
  Cell cell(bayesnas_cell(CellKind::kNormal), kTwoOps, 6);
  for (std::size_t e = 0; e < cell.spec.edges.size(); ++e) {
    const Cell::Edge edge = cell.edge(e);
    edge.origin.w = {0.9, 1.1, 0.4, 1.0, -0.2, 0.7};
    edge.origin.hessian = {0.02, 0.05, 0.0, 0.10, 0.01, 0.03};
    edge.ops[1].w.assign(6, 0.01);
    edge.ops[1].hessian.assign(6, 0.2);
  }
  update_posterior(cell.groups, {.laplace = {.order = UpdateOrder::kCode}});
  BOOST_TEST(cell.edge(5).origin.effective == 1.0069324920163523, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(cell.edge(5).ops[1].effective == 0.010143724141842236, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(pruned_origin_takes_its_operations_along) {
  Cell cell = reduction_posterior();
  edge_named(cell, "in1_2").origin.w.assign(2, 0.01);
  update_posterior(cell.groups, {});
  for (const SwitchGroup& op : edge_named(cell, "in1_2").ops)
    BOOST_TEST(op.effective <= kPruneThreshold);
  BOOST_TEST(prune_posterior(cell.groups, redundant_by_entropy(cell.groups), 1) == 3);
  BOOST_TEST(edge_named(cell, "in1_2").ops[1].is_pruned());
  BOOST_TEST(edge_named(cell, "in1_2").ops[1].w == std::vector<double>(2, 0.0), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(pruned_operation_leaves_origin_and_siblings) {
  Cell cell = reduction_posterior();
  edge_named(cell, "in1_2").ops[0].w.assign(2, 0.01);
  update_posterior(cell.groups, {});
  BOOST_TEST(prune_posterior(cell.groups, redundant_by_entropy(cell.groups), 1) == 1);
  BOOST_TEST(!edge_named(cell, "in1_2").origin.is_pruned());
  BOOST_TEST(!edge_named(cell, "in1_2").ops[1].is_pruned());
}

BOOST_AUTO_TEST_CASE(edge_without_operation_loses_its_origin) {
  Cell cell = reduction_posterior();
  for (SwitchGroup& op : edge_named(cell, "in1_2").ops)
    op.w.assign(2, 0.01);
  update_posterior(cell.groups, {});
  BOOST_TEST(prune_posterior(cell.groups, redundant_by_entropy(cell.groups), 1) == 3);
  BOOST_TEST(edge_named(cell, "in1_2").origin.is_pruned());
}

BOOST_AUTO_TEST_CASE(dag_gate_closes_when_the_node_before_has_no_operation_left) {
  Cell cell = reduction_posterior();
  for (const char* name : {"in0_0", "in1_0"}) {
    for (SwitchGroup& op : edge_named(cell, name).ops)
      op.w.assign(2, 1e-3);
  }
  Cell by_origin = cell;
  update_posterior(by_origin.groups, {.gate = Gate::kOrigin});
  for (Gate gate : {Gate::kDag, Gate::kBoth}) {
    Cell by_dag = cell;
    update_posterior(by_dag.groups, {.gate = gate});
    for (const char* name : {"sel_0_1", "sel_0_2", "sel_0_3"}) {
      for (std::size_t o = 0; o < 2; ++o) {
        BOOST_TEST(edge_named(by_dag, name).ops[o].effective <= kPruneThreshold);
        BOOST_TEST(edge_named(by_origin, name).ops[o].effective > kPruneThreshold);
      }
    }
    BOOST_TEST(edge_named(by_dag, "in1_1").ops[0].effective > kPruneThreshold);
  }
}

BOOST_AUTO_TEST_CASE(both_gates_add_their_precisions) {
  Cell cell = reduction_posterior();
  update_posterior(cell.groups, {.gate = Gate::kBoth});
  const Cell::Edge edge = edge_named(cell, "sel_0_2");
  double sum = 0.0;
  for (const char* name : {"in0_0", "in1_0"}) {
    for (const SwitchGroup& op : edge_named(cell, name).ops)
      sum += op.state.gamma;
  }
  const double precision = 1 / edge.ops[0].state.gamma + 1 / edge.origin.state.gamma + 1 / sum;
  BOOST_TEST(edge.ops[0].effective == 1 / precision, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(summing_effective_variances_passes_pruning_through_chains) {
  Cell cell(darts_cell(CellKind::kNormal, 3), kTwoOps, 1);
  for (std::size_t e = 0; e < cell.spec.edges.size(); ++e) {
    const EdgeSpec& place = cell.spec.edges[e];
    const bool chain = place.from == node_id(place.to - 1);  // node 0 -> 1 -> 2
    for (SwitchGroup& op : cell.edge(e).ops)
      op.w.assign(1, place.to == 0 || !chain ? 1e-3 : 1.0);
  }
  Cell own = cell;
  update_posterior(own.groups, {.gate = Gate::kDag, .dag_sum = DagSum::kGamma});
  update_posterior(cell.groups, {.gate = Gate::kDag, .dag_sum = DagSum::kEffective});
  BOOST_TEST(edge_named(own, "sel_1_2").ops[0].effective > kPruneThreshold);
  BOOST_TEST(edge_named(cell, "sel_1_2").ops[0].effective <= kPruneThreshold);
}

BOOST_AUTO_TEST_CASE(what_reads_a_dead_node_is_pruned) {
  Cell cell = reduction_posterior();
  for (const char* name : {"in0_0", "in1_0"})
    edge_named(cell, name).origin.w.assign(2, 1e-3);
  update_posterior(cell.groups, {});
  prune_posterior(cell.groups, redundant_by_entropy(cell.groups), 1);
  BOOST_TEST(edge_named(cell, "sel_0_3").origin.is_pruned());
  BOOST_TEST(!edge_named(cell, "in1_3").origin.is_pruned());
  const CellGenotype derived = derive_cell(variances(cell));
  BOOST_TEST(derived.concat == (std::vector<int>{1, 2, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(pruned_groups_keep_their_round_and_receive_no_update) {
  Cell cell = reduction_posterior();
  edge_named(cell, "in1_2").ops[0].w.assign(2, 0.01);
  update_posterior(cell.groups, {});
  prune_posterior(cell.groups, redundant_by_entropy(cell.groups), 1);
  const GroupState before = edge_named(cell, "in1_2").ops[0].state;
  edge_named(cell, "in1_1").ops[0].w.assign(2, 0.01);
  update_posterior(cell.groups, {});
  BOOST_TEST(prune_posterior(cell.groups, redundant_by_entropy(cell.groups), 2) == 1);
  BOOST_TEST(edge_named(cell, "in1_2").ops[0].pruned_round == 1);
  BOOST_TEST(edge_named(cell, "in1_1").ops[0].pruned_round == 2);
  BOOST_TEST(edge_named(cell, "in1_2").ops[0].state.gamma == before.gamma);
  BOOST_TEST(edge_named(cell, "in1_2").ops[0].state.omega == before.omega);
}

BOOST_AUTO_TEST_CASE(compounding_changes_only_later_rounds) {
  const PosteriorOptions plain{.laplace = {.order = UpdateOrder::kCode}};
  PosteriorOptions compound = plain;
  compound.compound_gate = true;
  Cell one = reduction_posterior(), other = one;
  update_posterior(one.groups, plain);
  update_posterior(other.groups, compound);
  BOOST_TEST(one.edge(0).ops[0].effective == other.edge(0).ops[0].effective);
  update_posterior(one.groups, plain);
  update_posterior(other.groups, compound);
  BOOST_TEST(one.edge(0).ops[0].effective > other.edge(0).ops[0].effective);
}

BOOST_AUTO_TEST_CASE(gate_in_covariance_narrows_the_posterior) {
  Cell one = reduction_posterior(), other = one;
  update_posterior(one.groups, {});
  update_posterior(other.groups, {.gate_in_covariance = true});
  BOOST_TEST(other.edge(0).ops[0].state.covariance[0] < one.edge(0).ops[0].state.covariance[0]);
  BOOST_TEST(1 / other.edge(0).ops[0].state.covariance[0] ==
                 1 / one.edge(0).ops[0].state.covariance[0] + 1 / one.edge(0).origin.state.gamma,
             boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(penalty_equals_the_naive_sum) {
  Cell cell = reduction_posterior();
  edge_named(cell, "in1_2").ops[0].w.assign(2, 0.01);
  update_posterior(cell.groups, {});
  prune_posterior(cell.groups, redundant_by_entropy(cell.groups), 1);
  double naive = 0.0;
  for (std::size_t e = 0; e < cell.spec.edges.size(); ++e) {
    const Cell::Edge edge = cell.edge(e);
    naive += 0.02 * edge.origin.state.omega * std::hypot(edge.origin.w[0], edge.origin.w[1]);
    for (const SwitchGroup& op : edge.ops)
      naive += 0.01 * op.state.omega * std::hypot(op.w[0], op.w[1]);
  }
  BOOST_TEST(posterior_penalty(cell.groups, {.lambda_child = 0.01, .lambda_origin = 0.02}) == naive,
             boost::test_tools::tolerance(1e-13));
}

BOOST_AUTO_TEST_SUITE_END()
