#include "nas/bayes/posterior.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "nas/bayes/sparse_prior.h"
#include "tests/support.h"

using namespace ockham::nas;

namespace {

constexpr std::array kTwoOps = {Primitive::kSepConv3, Primitive::kIdentity};

/// The reduction topology (sel_0_1, sel_0_2, sel_0_3 read node 0), all switches 1, equal curvature.
CellPosterior reduction_posterior() {
  CellPosterior cell = make_posterior(bayesnas_cell(CellKind::kReduction), kTwoOps, 2);
  for (EdgePosterior& edge : cell.edges) {
    edge.origin.hessian.assign(2, 0.02);
    for (SwitchGroup& op : edge.ops)
      op.hessian.assign(2, 0.02);
  }
  return cell;
}

EdgePosterior& edge_named(CellPosterior& cell, const std::string& name) {
  for (std::size_t e = 0; e < cell.edges.size(); ++e) {
    if (edge_name(cell.spec.edges[e].from, cell.spec.edges[e].to) == name)
      return cell.edges[e];
  }
  throw std::runtime_error("no edge " + name);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(posterior)

BOOST_AUTO_TEST_CASE(starts_with_ones) {
  const CellPosterior cell = make_posterior(bayesnas_cell(CellKind::kNormal), kBayesnasPrimitives, 6);
  BOOST_TEST(cell.edges.size() == 8u);
  BOOST_TEST(cell.edges[0].ops.size() == 7u);
  BOOST_TEST(cell.edges[0].ops[0].w == std::vector<double>(6, 1.0), boost::test_tools::per_element());
  BOOST_TEST(cell.edges[0].origin.state.gamma == 1.0);
  BOOST_TEST(cell.edges[0].origin.state.omega == 1.0);
}

BOOST_AUTO_TEST_CASE(stores_the_own_and_the_effective_variance_apart) {
  CellPosterior cell = reduction_posterior();
  update_posterior(cell, {});
  const SwitchGroup& op = cell.edges[0].ops[0];
  BOOST_TEST(op.state.gamma == std::sqrt(2.0), boost::test_tools::tolerance(1e-14));
  BOOST_TEST(op.effective == effective_variance(op.state.gamma, cell.edges[0].origin.state.gamma));
  BOOST_TEST(cell.edges[0].origin.effective == cell.edges[0].origin.state.gamma);
}

BOOST_AUTO_TEST_CASE(code_order_on_a_cell_gives_the_golden_numbers) {
  CellPosterior cell = make_posterior(bayesnas_cell(CellKind::kNormal), kTwoOps, 6);
  for (EdgePosterior& edge : cell.edges) {
    edge.origin.w = {0.9, 1.1, 0.4, 1.0, -0.2, 0.7};
    edge.origin.hessian = {0.02, 0.05, 0.0, 0.10, 0.01, 0.03};
    edge.ops[1].w.assign(6, 0.01);
    edge.ops[1].hessian.assign(6, 0.2);
  }
  update_posterior(cell, {.laplace = {.order = UpdateOrder::kCode}});
  BOOST_TEST(cell.edges[5].origin.effective == 1.0069324920163523, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(cell.edges[5].ops[1].effective == 0.010143724141842236, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(pruned_origin_takes_its_operations_along) {
  CellPosterior cell = reduction_posterior();
  edge_named(cell, "in1_2").origin.w.assign(2, 0.01);
  update_posterior(cell, {});
  for (const SwitchGroup& op : edge_named(cell, "in1_2").ops)
    BOOST_TEST(op.effective <= kPruneThreshold);
  BOOST_TEST(prune_posterior(cell, 1) == 3);
  BOOST_TEST(edge_named(cell, "in1_2").ops[1].pruned());
  BOOST_TEST(edge_named(cell, "in1_2").ops[1].w == std::vector<double>(2, 0.0), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(pruned_operation_leaves_origin_and_siblings) {
  CellPosterior cell = reduction_posterior();
  edge_named(cell, "in1_2").ops[0].w.assign(2, 0.01);
  update_posterior(cell, {});
  BOOST_TEST(prune_posterior(cell, 1) == 1);
  BOOST_TEST(!edge_named(cell, "in1_2").origin.pruned());
  BOOST_TEST(!edge_named(cell, "in1_2").ops[1].pruned());
}

BOOST_AUTO_TEST_CASE(edge_without_operation_loses_its_origin) {
  CellPosterior cell = reduction_posterior();
  for (SwitchGroup& op : edge_named(cell, "in1_2").ops)
    op.w.assign(2, 0.01);
  update_posterior(cell, {});
  BOOST_TEST(prune_posterior(cell, 1) == 3);
  BOOST_TEST(edge_named(cell, "in1_2").origin.pruned());
}

BOOST_AUTO_TEST_CASE(dag_gate_closes_when_the_node_before_has_no_operation_left) {
  CellPosterior cell = reduction_posterior();
  for (const char* name : {"in0_0", "in1_0"}) {
    for (SwitchGroup& op : edge_named(cell, name).ops)
      op.w.assign(2, 1e-3);
  }
  CellPosterior by_origin = cell;
  update_posterior(by_origin, {.gate = Gate::kOrigin});
  for (Gate gate : {Gate::kDag, Gate::kBoth}) {
    CellPosterior by_dag = cell;
    update_posterior(by_dag, {.gate = gate});
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
  CellPosterior cell = reduction_posterior();
  update_posterior(cell, {.gate = Gate::kBoth});
  const EdgePosterior& edge = edge_named(cell, "sel_0_2");
  double sum = 0.0;
  for (const char* name : {"in0_0", "in1_0"}) {
    for (const SwitchGroup& op : edge_named(cell, name).ops)
      sum += op.state.gamma;
  }
  const double precision = 1 / edge.ops[0].state.gamma + 1 / edge.origin.state.gamma + 1 / sum;
  BOOST_TEST(edge.ops[0].effective == 1 / precision, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(summing_effective_variances_passes_pruning_through_chains) {
  CellPosterior cell = make_posterior(darts_cell(CellKind::kNormal, 3), kTwoOps, 1);
  for (std::size_t e = 0; e < cell.edges.size(); ++e) {
    const EdgeSpec& place = cell.spec.edges[e];
    const bool chain = place.from == node_id(place.to - 1);  // node 0 -> 1 -> 2
    for (SwitchGroup& op : cell.edges[e].ops)
      op.w.assign(1, place.to == 0 || !chain ? 1e-3 : 1.0);
  }
  CellPosterior own = cell;
  update_posterior(own, {.gate = Gate::kDag, .dag_sum = DagSum::kGamma});
  update_posterior(cell, {.gate = Gate::kDag, .dag_sum = DagSum::kEffective});
  BOOST_TEST(edge_named(own, "sel_1_2").ops[0].effective > kPruneThreshold);
  BOOST_TEST(edge_named(cell, "sel_1_2").ops[0].effective <= kPruneThreshold);
}

BOOST_AUTO_TEST_CASE(what_reads_a_dead_node_is_pruned) {
  CellPosterior cell = reduction_posterior();
  for (const char* name : {"in0_0", "in1_0"})
    edge_named(cell, name).origin.w.assign(2, 1e-3);
  update_posterior(cell, {});
  prune_posterior(cell, 1);
  BOOST_TEST(edge_named(cell, "sel_0_3").origin.pruned());
  BOOST_TEST(!edge_named(cell, "in1_3").origin.pruned());
  const CellGenotype derived = derive_cell(cell.spec, cell.primitives, variances(cell));
  BOOST_TEST(derived.concat == (std::vector<int>{1, 2, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(pruned_groups_keep_their_round_and_receive_no_update) {
  CellPosterior cell = reduction_posterior();
  edge_named(cell, "in1_2").ops[0].w.assign(2, 0.01);
  update_posterior(cell, {});
  prune_posterior(cell, 1);
  const GroupState before = edge_named(cell, "in1_2").ops[0].state;
  edge_named(cell, "in1_1").ops[0].w.assign(2, 0.01);
  update_posterior(cell, {});
  BOOST_TEST(prune_posterior(cell, 2) == 1);
  BOOST_TEST(edge_named(cell, "in1_2").ops[0].pruned_round == 1);
  BOOST_TEST(edge_named(cell, "in1_1").ops[0].pruned_round == 2);
  BOOST_TEST(edge_named(cell, "in1_2").ops[0].state.gamma == before.gamma);
  BOOST_TEST(edge_named(cell, "in1_2").ops[0].state.omega == before.omega);
}

BOOST_AUTO_TEST_CASE(compounding_changes_only_later_rounds) {
  const PosteriorOptions plain{.laplace = {.order = UpdateOrder::kCode}};
  PosteriorOptions compound = plain;
  compound.compound_gate = true;
  CellPosterior one = reduction_posterior(), other = one;
  update_posterior(one, plain);
  update_posterior(other, compound);
  BOOST_TEST(one.edges[0].ops[0].effective == other.edges[0].ops[0].effective);
  update_posterior(one, plain);
  update_posterior(other, compound);
  BOOST_TEST(one.edges[0].ops[0].effective > other.edges[0].ops[0].effective);
}

BOOST_AUTO_TEST_CASE(gate_in_covariance_narrows_the_posterior) {
  CellPosterior one = reduction_posterior(), other = one;
  update_posterior(one, {});
  update_posterior(other, {.gate_in_covariance = true});
  BOOST_TEST(other.edges[0].ops[0].state.covariance[0] < one.edges[0].ops[0].state.covariance[0]);
  BOOST_TEST(1 / other.edges[0].ops[0].state.covariance[0] ==
                 1 / one.edges[0].ops[0].state.covariance[0] + 1 / one.edges[0].origin.state.gamma,
             boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(penalty_equals_the_naive_sum) {
  CellPosterior cell = reduction_posterior();
  edge_named(cell, "in1_2").ops[0].w.assign(2, 0.01);
  update_posterior(cell, {});
  prune_posterior(cell, 1);
  double naive = 0.0;
  for (const EdgePosterior& edge : cell.edges) {
    naive += 0.02 * edge.origin.state.omega * std::hypot(edge.origin.w[0], edge.origin.w[1]);
    for (const SwitchGroup& op : edge.ops)
      naive += 0.01 * op.state.omega * std::hypot(op.w[0], op.w[1]);
  }
  BOOST_TEST(posterior_penalty(cell, {.lambda_child = 0.01, .lambda_origin = 0.02}) == naive,
             boost::test_tools::tolerance(1e-13));
}

BOOST_AUTO_TEST_CASE(json_holds_every_group_and_its_numbers) {
  CellPosterior cell = make_posterior(bayesnas_cell(CellKind::kNormal), kBayesnasPrimitives, 6);
  update_posterior(cell, {});
  CellPosterior reduce = reduction_posterior();
  update_posterior(reduce, {});
  edge_named(reduce, "in1_1").ops[0].effective = 0.01;
  prune_posterior(reduce, 3);
  const auto json = nlohmann::json::parse(posterior_json(cell, reduce));
  BOOST_TEST(json["normal"].size() == 8u);
  BOOST_TEST(json["normal"][7]["edge"] == "sel_0_3");
  BOOST_TEST(json["normal"][7]["ops"].size() == 7u);
  BOOST_TEST(json["normal"][0]["ops"]["sep_conv_5x5"]["switch"].size() == 6u);
  const auto& pruned = json["reduce"][2]["ops"]["sep_conv_3x3"];
  BOOST_TEST(pruned["pruned_round"] == 3);
  BOOST_TEST(pruned["effective_variance"].get<double>() == 0.01);
  BOOST_TEST(pruned["entropy"].get<double>() == gaussian_entropy(0.01));
  BOOST_TEST(pruned["hessian"][0].get<double>() == 0.02);
}

BOOST_AUTO_TEST_SUITE_END()
