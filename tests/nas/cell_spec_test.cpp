#include "nas/cell/cell_spec.h"

#include "engine/error.h"
#include "tests/support.h"

using namespace ockham::nas;
using ockham::test::Says;

namespace {

std::string names(const CellSpec& cell) {
  std::string text;
  for (const EdgeSpec& edge : cell.edges)
    text += (text.empty() ? "" : " ") + edge_name(edge.from, edge.to);
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(cell_spec)

BOOST_AUTO_TEST_CASE(release_topology_has_eight_edges) {
  BOOST_TEST(names(bayesnas_cell(CellKind::kNormal)) == "in0_0 in1_0 in0_1 in1_1 in0_2 in1_2 in1_3 sel_0_3");
  BOOST_TEST(names(bayesnas_cell(CellKind::kReduction)) == "in0_0 in1_0 in1_1 sel_0_1 in1_2 sel_0_2 in1_3 sel_0_3");
}

BOOST_AUTO_TEST_CASE(oddity_of_the_release_changes_one_source_of_the_normal_cell_only) {
  BOOST_TEST(names(bayesnas_cell(CellKind::kNormal, 4, true)) == "in0_0 in1_0 in0_1 in1_1 in0_2 in1_2 in0_3 sel_0_3");
  BOOST_TEST(names(bayesnas_cell(CellKind::kReduction, 4, true)) == names(bayesnas_cell(CellKind::kReduction)));
}

BOOST_AUTO_TEST_CASE(other_node_counts_keep_two_edges_a_node) {
  BOOST_TEST(names(bayesnas_cell(CellKind::kNormal, 1)) == "in0_0 in1_0");
  BOOST_TEST(names(bayesnas_cell(CellKind::kNormal, 2)) == "in0_0 in1_0 in1_1 sel_0_1");
  BOOST_TEST(names(bayesnas_cell(CellKind::kNormal, 3)) == "in0_0 in1_0 in0_1 in1_1 in1_2 sel_0_2");
  for (int nodes = 1; nodes <= kMaxNodes; ++nodes)
    BOOST_TEST(bayesnas_cell(CellKind::kReduction, nodes).edges.size() == 2u * static_cast<unsigned>(nodes));
}

BOOST_AUTO_TEST_CASE(darts_graph_is_complete) {
  const CellSpec cell = darts_cell(CellKind::kNormal);
  BOOST_TEST(cell.edges.size() == 14u);
  BOOST_TEST(names(darts_cell(CellKind::kNormal, 2)) == "in1_0 in0_0 in1_1 in0_1 sel_0_1");
}

BOOST_AUTO_TEST_CASE(only_inputs_of_reduction_cells_have_stride_two) {
  for (const CellSpec& cell : {bayesnas_cell(CellKind::kNormal), bayesnas_cell(CellKind::kReduction),
                               darts_cell(CellKind::kNormal, 5), darts_cell(CellKind::kReduction, 5)}) {
    for (const EdgeSpec& edge : cell.edges)
      BOOST_TEST(edge.stride == (cell.kind == CellKind::kReduction && edge.from < 2 ? 2 : 1));
  }
}

BOOST_AUTO_TEST_CASE(impossible_node_counts_are_refused) {
  BOOST_CHECK_EXCEPTION(bayesnas_cell(CellKind::kNormal, 0), ockham::UsageError, (Says{{"0 nodes", "1 to 16"}}));
  BOOST_CHECK_EXCEPTION(darts_cell(CellKind::kNormal, 17), ockham::UsageError, (Says{{"17 nodes", "1 to 16"}}));
}

BOOST_AUTO_TEST_SUITE_END()
