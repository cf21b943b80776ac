#include "nas/bayes/derive.h"

#include <cmath>
#include <set>

#include "engine/error.h"
#include "engine/random.h"
#include "nas/genotype/kept_cell.h"
#include "tests/support.h"

using namespace ockham::nas;
using ockham::test::Says;

namespace {

constexpr std::array kTwoOps = {Primitive::kSepConv3, Primitive::kIdentity};

std::vector<EdgeVariances> all(const CellSpec& spec, double value, std::size_t ops = 2) {
  return std::vector<EdgeVariances>(spec.edges.size(), {.origin = 1.0, .ops = std::vector<double>(ops, value)});
}

std::string names(const CellGenotype& cell) {
  std::string text;
  for (const GenotypeEdge& edge : cell.edges)
    text += (text.empty() ? "" : " ") + edge_name(edge.from, edge.to) + ":" + std::to_string(edge.ops.size());
  return text;
}

/// Nodes that a cell input reaches along the cell's edges.
std::set<int> reachable(const CellGenotype& cell) {
  std::set<int> found;
  for (std::size_t round = 0; round <= cell.edges.size(); ++round) {
    for (const GenotypeEdge& edge : cell.edges) {
      if (is_input(edge.from) || found.contains(edge.from - kInputs))
        found.insert(edge.to);
    }
  }
  return found;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(derive)

BOOST_AUTO_TEST_CASE(threshold_keeps_0586_and_drops_0585) {
  const CellSpec spec = bayesnas_cell(CellKind::kNormal);
  std::vector<EdgeVariances> v = all(spec, 1.0);
  v[0].ops = {0.0585, 0.0586};
  v[1].origin = 0.0585;
  v[2].origin = 0.0586;
  BOOST_TEST(names(derive_cell(spec, kTwoOps, v)) == "in0_0:1 in0_1:2 in1_1:2 in0_2:2 in1_2:2 in1_3:2 sel_0_3:2");
}

BOOST_AUTO_TEST_CASE(several_operations_an_edge_and_one_edge_a_node_survive) {
  const CellSpec spec = bayesnas_cell(CellKind::kReduction);
  std::vector<EdgeVariances> v = all(spec, 0.0, 7);
  v[1].ops.assign(7, 1.0);
  v[2].ops[6] = 1.0;
  const CellGenotype cell = derive_cell(spec, kBayesnasPrimitives, v);
  BOOST_TEST(names(cell) == "in1_0:7 in1_1:1");
  BOOST_CHECK(cell.edges[1].ops[0] == Primitive::kIdentity);
  BOOST_TEST(cell.edges[1].stride == 2);
  BOOST_TEST(cell.concat == (std::vector<int>{0, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(dead_node_takes_its_readers_along) {
  const CellSpec spec = darts_cell(CellKind::kNormal, 3);
  std::vector<EdgeVariances> v = all(spec, 0.0);
  for (std::size_t e = 0; e < spec.edges.size(); ++e) {
    const bool chain = spec.edges[e].from >= kInputs;       // 0 -> 1, 0 -> 2, 1 -> 2
    const bool other = spec.edges[e] == EdgeSpec{0, 2, 1};  // in1 -> 2
    v[e].ops.assign(2, chain || other ? 1.0 : 0.0);
  }
  const CellGenotype cell = derive_cell(spec, kTwoOps, v);
  BOOST_TEST(names(cell) == "in1_2:2");
  BOOST_TEST(cell.concat == (std::vector<int>{2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(derived_cells_are_connected_and_the_sweep_is_idempotent) {
  std::uint64_t draw = 0;
  const ockham::RandomKey key{.seed = 7};
  int dead = 0;
  for (int round = 0; round < 300; ++round) {
    const CellSpec spec = round % 2 ? darts_cell(CellKind::kNormal, 5) : bayesnas_cell(CellKind::kReduction);
    std::vector<EdgeVariances> v = all(spec, 0.0, 7);
    v[0].ops[0] = 1.0;
    for (EdgeVariances& edge : v) {
      for (double& s : edge.ops)
        s = std::max(s, std::pow(10.0, -6.0 + 5.0 * ockham::uniform(key, draw++)));
    }
    const CellGenotype cell = derive_cell(spec, kBayesnasPrimitives, v);
    const std::set<int> alive = reachable(cell);
    BOOST_TEST(cell.concat == std::vector<int>(alive.begin(), alive.end()), boost::test_tools::per_element());
    for (const GenotypeEdge& edge : cell.edges)
      BOOST_TEST((is_input(edge.from) || alive.contains(edge.from - kInputs)));
    CellGenotype again = cell;
    sweep_dead_nodes(again);
    BOOST_CHECK(again == cell);
    dead += cell.nodes - static_cast<int>(alive.size());
  }
  BOOST_TEST(dead > 50);  // the sample exercises the sweep
}

BOOST_AUTO_TEST_CASE(zero_operation_has_no_name) {
  BOOST_TEST(!find_primitive("none"));
  BOOST_TEST(!find_primitive("zero"));
  for (Primitive p : kBayesnasPrimitives)
    BOOST_CHECK(find_primitive(primitive_name(p)) == p);
}

BOOST_AUTO_TEST_CASE(everything_pruned_is_a_clear_error) {
  const CellSpec spec = bayesnas_cell(CellKind::kNormal);
  std::vector<EdgeVariances> v = all(spec, 0.01);
  v[3].ops[1] = 0.02;
  BOOST_CHECK_EXCEPTION(derive_cell(spec, kTwoOps, v), ockham::Error,
                        (Says{{"lambda is too large", "normal cell", "0 of 16", "0.0585", "0.02", "smaller lambda"}}));
}

BOOST_AUTO_TEST_CASE(operations_without_any_open_edge_are_the_same_error) {
  const CellSpec spec = bayesnas_cell(CellKind::kNormal);
  std::vector<EdgeVariances> v = all(spec, 1.0);
  for (EdgeVariances& edge : v)
    edge.origin = 0.03;
  BOOST_CHECK_EXCEPTION(derive_cell(spec, kTwoOps, v), ockham::Error, (Says{{"16 of 16", "of an edge 0.03"}}));
}

BOOST_AUTO_TEST_CASE(wrong_sizes_and_undefined_variances_are_refused) {
  const CellSpec spec = bayesnas_cell(CellKind::kNormal);
  std::vector<EdgeVariances> v = all(spec, 1.0);
  BOOST_CHECK_EXCEPTION(derive_cell(spec, kBayesnasPrimitives, v), ockham::UsageError,
                        (Says{{"2 variances on edge in0_0", "7 operations"}}));
  v[4].ops[0] = std::nan("");
  BOOST_CHECK_EXCEPTION(derive_cell(spec, kTwoOps, v), ockham::UsageError, (Says{{"in0_2", "undefined"}}));
  v.pop_back();
  BOOST_CHECK_EXCEPTION(derive_cell(spec, kTwoOps, v), ockham::UsageError, (Says{{"7 edges", "8 edges"}}));
}

BOOST_AUTO_TEST_SUITE_END()
