// Widths and one number of parameters are those of the published program's tests and examples.
#include <bit>
#include <map>
#include <set>

#include "engine/error.h"
#include "nas/spaces/nasbench1shot1/cell.h"
#include "tests/support.h"

using namespace ockham;
using namespace nas::nasbench1shot1;
using test::Says;

namespace {

constexpr std::array<Space, 3> kSpaces{Space::k1, Space::k2, Space::k3};

std::vector<std::int64_t> widths(std::string_view text, std::int64_t channels) {
  const Cell cell = parse_cell(text);
  const auto all = vertex_channels(cell, channels);
  return {all.begin() + 1, all.begin() + static_cast<std::ptrdiff_t>(cell.output()) + 1};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(nasbench1shot1)

BOOST_AUTO_TEST_CASE(a_cell_is_its_string) {
  const std::string text = "conv3x3-bn-relu:0+maxpool3x3:0,1+conv1x1-bn-relu:0,2+maxpool3x3:1,3+output:3,4";
  const Cell cell = parse_cell(text);
  BOOST_TEST(cell.nodes == 4u);
  BOOST_TEST((cell.operations[3] == Operation::kConv1));
  BOOST_TEST(cell.has_edge(2, 3));
  BOOST_TEST(!cell.has_edge(1, 3));
  BOOST_TEST(to_string(cell) == text);
  for (const Space space : kSpaces) {
    for (std::int64_t number = 0; number < cell_count(space); number += 1009) {
      const Cell other = cell_of(space, number);
      BOOST_REQUIRE(parse_cell(to_string(other)) == other);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_malformed_string_is_refused_with_its_column) {
  const auto refuses = [](const std::string& text, std::initializer_list<std::string_view> parts) {
    BOOST_CHECK_EXCEPTION(parse_cell(text), UsageError, (Says{parts}));
  };
  refuses("", {"column 1", "expected maxpool3x3", "or output", "found the end"});
  refuses("conv:0", {"column 1", "'conv'"});
  refuses("maxpool3x3", {"column 11", "expected ':'", "output:1,2", "the end"});
  refuses("maxpool3x3:", {"column 12", "0 (the input) to 0", "the end"});
  refuses("maxpool3x3:1", {"column 12", "0 (the input) to 0", "'1'"});
  refuses("maxpool3x3:0", {"column 13", "ends with +output:PARENTS", "the end"});
  refuses("maxpool3x3:0+", {"column 14", "found the end"});
  refuses("maxpool3x3:0,+output:0", {"column 14", "expected a vertex", "'+'"});
  refuses("maxpool3x3:0+output:1,0", {"column 23", "'0'", "ascending"});
  refuses("maxpool3x3:0+output:1,1", {"column 23", "each once"});
  refuses("maxpool3x3:0+output:2", {"column 21", "to 1", "'2'"});
  refuses("maxpool3x3:0+output:-1", {"column 21", "'-'"});
  refuses("maxpool3x3:0+output:0x", {"column 22", "expected the end", "'x'"});
  refuses("maxpool3x3:0+output:1+output:1", {"column 22", "comes last"});
  const std::string five = "maxpool3x3:0+maxpool3x3:0+maxpool3x3:0+maxpool3x3:0+maxpool3x3:0+";
  refuses(five + "maxpool3x3:0+output:1", {"column 66", "at most 5 nodes", "output:PARENTS"});
  refuses(five + "output:0,1,2,3,4,5", {"column 81", "edge 10", "at most 9"});
  refuses(std::string(100000, 'a'), {"column 1"});
  refuses(std::string("maxpool3x3:0+output:\0", 21), {"column 21"});
}

BOOST_AUTO_TEST_CASE(spaces_have_the_stated_numbers_of_cells) {
  std::vector<std::int64_t> patterns, cells;
  for (const Space space : kSpaces) {
    patterns.push_back(pattern_count(space));
    cells.push_back(cell_count(space));
  }
  BOOST_TEST(patterns == (std::vector<std::int64_t>{180, 360, 5400}), boost::test_tools::per_element());
  BOOST_TEST(cells == (std::vector<std::int64_t>{14580, 29160, 1312200}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(each_number_is_another_cell_with_the_parents_of_its_space) {
  for (const Space space : {Space::k1, Space::k2}) {
    std::set<Cell> all;
    for (std::int64_t number = 0; number < cell_count(space); ++number) {
      const Cell cell = cell_of(space, number);
      all.insert(cell);
      BOOST_TEST_REQUIRE(cell.nodes == nodes_of(space));
      for (std::size_t v = 1; v <= cell.output(); ++v) {
        BOOST_TEST_REQUIRE(static_cast<std::size_t>(std::popcount(cell.parents[v])) == parent_counts(space)[v - 1]);
        BOOST_TEST_REQUIRE((cell.parents[v] >> v) == 0u);
      }
    }
    BOOST_TEST(std::ssize(all) == cell_count(space));
  }
  BOOST_CHECK_THROW(cell_of(Space::k1, -1), UsageError);
  BOOST_CHECK_EXCEPTION(cell_of(Space::k2, 29160), UsageError, (Says{{"29160", "29159", "space 2"}}));
  BOOST_TEST((space_of(3) == Space::k3));
  BOOST_CHECK_THROW(space_of(0), UsageError);
}

BOOST_AUTO_TEST_CASE(spaces_have_the_stated_numbers_of_different_cells) {
  std::vector<std::int64_t> counts;
  for (const Space space : kSpaces) {
    std::set<Cell> different;
    for (std::int64_t number = 0; number < cell_count(space); ++number)
      different.insert(canonical(cell_of(space, number)));
    counts.push_back(std::ssize(different));
  }
  BOOST_TEST(counts == (std::vector<std::int64_t>{2685, 7773, 55854}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(pruning_takes_out_what_does_not_lead_to_the_output) {
  // Node 3 feeds nobody; node 2 fed only node 3.
  const Cell cell = parse_cell("conv3x3-bn-relu:0+maxpool3x3:0,1+conv1x1-bn-relu:0,2+conv1x1-bn-relu:0,1+output:1,4");
  BOOST_TEST(to_string(pruned(cell)) == "conv3x3-bn-relu:0+conv1x1-bn-relu:0,1+output:1,2");
  BOOST_CHECK(pruned(pruned(cell)) == pruned(cell));
  BOOST_TEST(to_string(pruned(parse_cell("maxpool3x3:0+output:0"))) == "output:0");
}

BOOST_AUTO_TEST_CASE(the_order_of_nodes_makes_no_other_cell) {
  // The published example as it is queried and as it is stored.
  const Cell queried =
      parse_cell("conv1x1-bn-relu:0+conv3x3-bn-relu:0+conv3x3-bn-relu:0+conv3x3-bn-relu:3+maxpool3x3:0+output:1,2,4,5");
  const Cell stored =
      parse_cell("conv3x3-bn-relu:0+conv1x1-bn-relu:0+maxpool3x3:0+conv3x3-bn-relu:0+conv3x3-bn-relu:4+output:1,2,3,5");
  BOOST_CHECK(queried != stored);
  BOOST_CHECK(canonical(queried) == canonical(stored));
  Cell other = stored;
  other.operations[5] = Operation::kConv1;
  BOOST_CHECK(canonical(other) != canonical(stored));
  other.operations[5] = Operation::kConv3;
  other.operations[4] = Operation::kConv1;  // the chain of the two the other way round
  BOOST_CHECK(canonical(other) != canonical(stored));
}

BOOST_AUTO_TEST_CASE(a_matrix_has_an_unused_vertex_for_a_node_that_is_not_there) {
  const Matrix matrix =
      matrix_of(parse_cell("conv3x3-bn-relu:0+maxpool3x3:0,1+maxpool3x3:0,2+conv3x3-bn-relu:1,3+output:3,4"));
  const std::array<std::array<int, 7>, 7> expected{{{0, 1, 1, 1, 0, 0, 0},
                                                    {0, 0, 1, 0, 1, 0, 0},
                                                    {0, 0, 0, 1, 0, 0, 0},
                                                    {0, 0, 0, 0, 1, 0, 1},
                                                    {0, 0, 0, 0, 0, 0, 1},
                                                    {0, 0, 0, 0, 0, 0, 0},
                                                    {0, 0, 0, 0, 0, 0, 0}}};
  BOOST_CHECK(matrix.edges == expected);
  const std::array<std::string_view, 7> labels{"input",           "conv3x3-bn-relu", "maxpool3x3", "maxpool3x3",
                                               "conv3x3-bn-relu", "conv1x1-bn-relu", "output"};
  BOOST_TEST(matrix.labels == labels, boost::test_tools::per_element());
  BOOST_TEST(matrix_of(cell_of(Space::k3, 0)).labels[5] == "maxpool3x3");
}

BOOST_AUTO_TEST_CASE(channels_are_divided_as_in_the_published_program) {
  const auto equal = [](const std::vector<std::int64_t>& got, const std::vector<std::int64_t>& expected) {
    BOOST_TEST(got == expected, boost::test_tools::per_element());
  };
  equal(widths("maxpool3x3:0+maxpool3x3:1+output:2", 16), {16, 16, 16});
  equal(widths("maxpool3x3:0+maxpool3x3:0+output:1,2", 15), {8, 7, 15});
  equal(widths("maxpool3x3:0+maxpool3x3:0+maxpool3x3:0+output:1,2,3", 8), {3, 3, 2, 8});
  equal(widths("maxpool3x3:0+maxpool3x3:1+maxpool3x3:1+output:2,3", 9), {5, 5, 4, 9});
  equal(widths("maxpool3x3:0+maxpool3x3:1+maxpool3x3:0,2+output:1,3", 15), {8, 7, 7, 15});
  equal(widths("output:0", 5), {5});
  BOOST_CHECK_EXCEPTION(widths("maxpool3x3:0+maxpool3x3:0+output:1,2", 1), UsageError,
                        (Says{{"2 nodes", "1 channels"}}));
  BOOST_CHECK_EXCEPTION(widths("maxpool3x3:0+maxpool3x3:0+output:1", 4), UsageError, (Says{{"node 2", "prune"}}));
}

BOOST_AUTO_TEST_CASE(each_number_of_a_space_stands_for_one_operation_or_parent) {
  for (const Space space : kSpaces) {
    std::vector<double> numbers(number_count(space));
    std::set<std::size_t> places;
    const auto with = [&](std::size_t place) {
      BOOST_TEST_REQUIRE(place < numbers.size());
      BOOST_TEST(places.insert(place).second);
      numbers[place] = 1.0;
      const Cell cell = largest(space, numbers);
      numbers[place] = 0.0;
      return cell;
    };
    for (std::size_t v = 1; v <= nodes_of(space) + 1; ++v) {
      for (std::size_t o = 0; o < kOperations && v <= nodes_of(space); ++o)
        BOOST_TEST((with(operation_numbers(v) + o).operations[v] == static_cast<Operation>(o)));
      const std::optional<std::size_t> parents = parent_numbers(space, v);
      BOOST_TEST(parents.has_value() == (parent_counts(space)[v - 1] < v));
      for (std::size_t j = 0; parents && j < v; ++j)
        BOOST_TEST(with(*parents + j).has_edge(j, v));
    }
    BOOST_TEST(places.size() == numbers.size());
  }
}

BOOST_AUTO_TEST_CASE(random_cells_depend_on_seed_and_index_and_cover_their_space) {
  for (const Space space : kSpaces) {
    BOOST_CHECK(random_cell(space, 3, 5) == random_cell(space, 3, 5));
    BOOST_CHECK(random_cell(space, 3, 5) != random_cell(space, 3, 6));
    BOOST_CHECK(random_cell(space, 3, 5) != random_cell(space, 4, 5));
  }
  // 6,000 draws: a third for each operation of node 4, a tenth for each pair of the output's parents, within six
  // standard deviations.
  std::array<int, kOperations> operations{};
  std::map<std::uint32_t, int> parents;
  for (std::uint64_t i = 0; i < 6000; ++i) {
    const Cell cell = random_cell(Space::k1, 1, i);
    ++operations[static_cast<std::size_t>(cell.operations[4])];
    ++parents[cell.parents[5]];
  }
  for (const int count : operations)
    BOOST_TEST(std::abs(count - 2000) < 220);
  BOOST_TEST(parents.size() == 10u);
  for (const auto& [set, count] : parents)
    BOOST_TEST(std::abs(count - 600) < 140);
}

BOOST_AUTO_TEST_SUITE_END()
