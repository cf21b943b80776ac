#include "nas/genotype/random_cell.h"

#include <map>

#include "engine/error.h"
#include "tests/support.h"

using namespace ockham::nas;
using ockham::test::Says;

BOOST_AUTO_TEST_SUITE(random_cell)

BOOST_AUTO_TEST_CASE(has_the_asked_number_of_operations_and_no_dead_node) {
  for (const CellSpec& spec : {bayesnas_cell(CellKind::kNormal), darts_cell(CellKind::kReduction, 5)}) {
    const int most = static_cast<int>(spec.edges.size()) * 7;
    for (int ops = spec.nodes; ops <= most; ops += 3) {
      const CellGenotype cell = ockham::nas::random_cell(spec, kBayesnasPrimitives, ops, 11);
      BOOST_TEST(count_ops(cell) == ops);
      BOOST_TEST(static_cast<int>(cell.concat.size()) == spec.nodes);
    }
  }
}

BOOST_AUTO_TEST_CASE(fewer_operations_than_nodes_leave_the_last_nodes_dead) {
  const CellGenotype cell = ockham::nas::random_cell(bayesnas_cell(CellKind::kNormal), kBayesnasPrimitives, 2, 11);
  BOOST_TEST(count_ops(cell) == 2);
  BOOST_TEST(cell.concat == (std::vector<int>{0, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(repeats_for_the_same_seed_and_differs_for_another) {
  const CellSpec spec = darts_cell(CellKind::kNormal);
  const auto cell = [&](std::uint64_t seed, std::uint64_t index) {
    return ockham::nas::random_cell(spec, kBayesnasPrimitives, 12, seed, index);
  };
  BOOST_CHECK(cell(1, 0) == cell(1, 0));
  BOOST_CHECK(!(cell(1, 0) == cell(2, 0)));
  BOOST_CHECK(!(cell(1, 0) == cell(1, 1)));
}

BOOST_AUTO_TEST_CASE(every_operation_is_drawn_about_equally_often) {
  std::map<Primitive, int> counts;
  for (std::uint64_t index = 0; index < 500; ++index) {
    const CellGenotype cell =
        ockham::nas::random_cell(bayesnas_cell(CellKind::kNormal), kBayesnasPrimitives, 10, 5, index);
    for (const GenotypeEdge& edge : cell.edges) {
      for (Primitive op : edge.ops)
        ++counts[op];
    }
  }
  for (const auto& [op, count] : counts)
    BOOST_TEST(std::abs(count - 5000 / 7) < 130, primitive_name(op) << " " << count);  // five standard deviations
  BOOST_TEST(counts.size() == 7u);
}

BOOST_AUTO_TEST_CASE(impossible_counts_are_refused) {
  const CellSpec spec = bayesnas_cell(CellKind::kNormal);
  for (int ops : {0, -3, 57})
    BOOST_CHECK_EXCEPTION(ockham::nas::random_cell(spec, kBayesnasPrimitives, ops, 1), ockham::UsageError,
                          (Says{{"1 to 56"}}));
}

BOOST_AUTO_TEST_SUITE_END()
