#include "nas/spaces/nasbench1shot1/search_space.h"

#include <cmath>
#include <map>
#include <set>

#include "nas/spaces/cells/cell_space.h"
#include "nas/spaces/nasbench201/cell.h"
#include "nas/spaces/nasbench201/search_space.h"
#include "nas/spaces/space.h"
#include "tests/nas/networks.h"
#include "tests/support.h"

using namespace ockham;
using namespace nas;

namespace {

/// Every space, at sizes of milliseconds.
std::vector<std::unique_ptr<SearchSpace>> tiny_spaces() {
  std::vector<std::unique_ptr<SearchSpace>> spaces;
  spaces.push_back(std::make_unique<nasbench201::Space>(
      nasbench201::NetworkSpec{.channels = 2, .cells_per_stage = 1, .classes = 3}));
  for (const auto space : {nasbench1shot1::Space::k1, nasbench1shot1::Space::k3})
    spaces.push_back(std::make_unique<nasbench1shot1::SearchableSpace>(
        space, nasbench1shot1::NetworkSpec{.channels = 4, .cells_per_stack = 1, .classes = 3}));
  for (const SupernetSpec& spec : {SupernetSpec::darts(2), SupernetSpec::bayesnas(2)})
    spaces.push_back(std::make_unique<SoftmaxSpace>(test::tiny(spec), test::tiny_evaluation()));
  return spaces;
}

Tensor images() {
  return test::noise({2, 3, 8, 8}, DType::kFloat64, 1);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(search_space)

BOOST_AUTO_TEST_CASE(search_networks_have_one_logit_for_every_option) {
  for (const auto& space : tiny_spaces()) {
    Initial initial{.dtype = DType::kFloat64};
    const OwnedNetwork net = space->make_supernet(initial);
    std::int64_t logits = 0;
    for (const Parameter* parameter : net.network.architecture)
      logits += parameter->value.numel();
    BOOST_TEST(static_cast<std::size_t>(logits) == count_options(*space));
    BOOST_TEST(net.network.forward({.batch_norm = BatchNormMode::kFrozenBatch}, images()).shape() == (Shape{2, 3}));
  }
}

BOOST_AUTO_TEST_CASE(networks_of_switches_have_one_for_every_option_in_every_cell) {
  for (const auto& space : tiny_spaces()) {
    Initial initial{.dtype = DType::kFloat64};
    const SwitchNetwork net = space->make_switches(initial);
    std::set<std::pair<const Parameter*, std::size_t>> entries;
    std::size_t copies = 0, number = 0;
    for (const SwitchPlaces& group : net.groups) {
      copies += group.copies.size();
      for (const SwitchPlaces::Entry& entry : group.copies) {
        BOOST_TEST((entry.parameter->kind == ParameterKind::kSwitch));
        BOOST_TEST(static_cast<std::int64_t>(entry.index) < entry.parameter->value.numel());
        entries.insert({entry.parameter, entry.index});
      }
    }
    BOOST_TEST(entries.size() == copies);  // no switch in two groups
    for (const Choice& choice : space->choices()) {
      for (const std::string& option : choice.options) {
        BOOST_TEST(net.groups[number].choice == choice.name);
        BOOST_TEST(net.groups[number++].option == option);
      }
    }
    BOOST_TEST(net.owned.network.forward({.batch_norm = BatchNormMode::kFrozenBatch}, images()).shape() ==
               (Shape{2, 3}));
  }
}

BOOST_AUTO_TEST_CASE(copies_are_the_cells_of_a_network_and_edges_of_cells_have_switches_of_their_own) {
  for (const auto& space : tiny_spaces()) {
    Initial initial;
    const SwitchNetwork net = space->make_switches(initial);
    const bool has_kinds = dynamic_cast<const SoftmaxSpace*>(space.get()) != nullptr;
    // One cell in each of three stages; or a normal and two reduction cells, of four edges each in bayesnas, five in
    // darts.
    for (const SwitchPlaces& group : net.groups) {
      const std::size_t cells = !has_kinds ? 3 : group.choice.starts_with("normal") ? 1 : 2;
      BOOST_TEST(group.copies.size() == (group.option == "none" ? 0 : cells));
    }
    const std::size_t origins = !has_kinds ? 0 : space->name() == "darts" ? 10 : 8;
    BOOST_TEST(net.groups.size() == count_options(*space) + origins);
    BOOST_TEST(static_cast<std::size_t>(std::ranges::count_if(
                   net.groups, [](const SwitchPlaces& group) { return group.gates.is_origin; })) == origins);
  }
}

BOOST_AUTO_TEST_CASE(a_switch_is_gated_by_those_that_stand_before_it) {
  using Numbers = std::vector<std::size_t>;
  const auto check = [](const SearchSpace& space, const std::map<std::size_t, Numbers>& expected) {
    Initial initial;
    const std::vector<SwitchPlaces> groups = space.make_switches(initial).groups;
    for (const auto& [number, before] : expected)
      BOOST_TEST(groups[number].gates.before == before, space.name() << ", number " << number);
  };
  // Numbers 5 e + o: edges 0 and 1, 2 lead into nodes 1 and 2; 3 starts at the input, 4 at node 1 and 5 at node 2.
  check(*tiny_spaces()[0],
        {{3, {}}, {11, {1, 2, 3, 4}}, {19, {}}, {23, {1, 2, 3, 4}}, {28, {6, 7, 8, 9, 11, 12, 13, 14}}});
  // Operations of nodes 1 to 4: 0-2, 3-5, 6-8, 9-11; parents of the output: 12-16; of node 3: 17-19, of node 4: 20-23.
  const nasbench1shot1::NetworkSpec spec{.channels = 4, .cells_per_stack = 1, .classes = 3};
  check(nasbench1shot1::SearchableSpace(nasbench1shot1::Space::k1, spec), {{0, {}},
                                                                           {5, {}},  // takes all before it
                                                                           {6, {17, 18, 19}},
                                                                           {11, {20, 21, 22, 23}},
                                                                           {12, {}},
                                                                           {13, {0, 1, 2}},
                                                                           {16, {9, 10, 11}},
                                                                           {17, {}},
                                                                           {19, {3, 4, 5}},
                                                                           {23, {6, 7, 8}}});
  // Parents of node 2: 17-18, which has a choice here.
  check(nasbench1shot1::SearchableSpace(nasbench1shot1::Space::k2, spec), {{4, {17, 18}}, {17, {}}, {18, {0, 1, 2}}});
}

// Numbers 8 e + o of the edges in0_0, in1_0, in1_1, sel_0_1 of a normal cell, then of a reduction cell; then origins.
BOOST_AUTO_TEST_CASE(an_operation_of_a_cell_is_gated_by_its_edge_and_by_the_operations_into_the_node_before) {
  const SoftmaxSpace space(test::tiny(SupernetSpec::bayesnas(2)), test::tiny_evaluation());
  Initial initial;
  const std::vector<SwitchPlaces> groups = space.make_switches(initial).groups;
  const std::vector<std::size_t> into_node_0{1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15};
  BOOST_TEST(groups[25].gates.before == into_node_0);
  BOOST_TEST(groups[25].gates.origin.value() == 67u);
  BOOST_TEST(groups[67].gates.is_origin);
  BOOST_TEST(groups[67].gates.before == into_node_0);
  BOOST_TEST(groups[67].choice == "normal sel_0_1");
  BOOST_TEST(groups[1].gates.before.empty());
  BOOST_TEST(groups[1].gates.origin.value() == 64u);
}

BOOST_AUTO_TEST_CASE(random_cells_can_be_built_and_follow_from_their_key) {
  for (const auto& space : tiny_spaces()) {
    std::set<std::string> cells;
    for (std::uint64_t i = 0; i < 5; ++i) {
      const std::string cell = random_cell(*space, {.seed = i, .purpose = Purpose::kTest});
      BOOST_TEST(cell == random_cell(*space, {.seed = i, .purpose = Purpose::kTest}));
      cells.insert(cell);
      Initial initial{.dtype = DType::kFloat64};
      const OwnedNetwork net = space->make_network(cell, initial);
      BOOST_TEST(net.network.architecture.empty());
      BOOST_TEST(net.network.forward({.batch_norm = BatchNormMode::kFrozenBatch}, images()).shape() == (Shape{2, 3}));
    }
    BOOST_TEST(cells.size() == 5u);
  }
}

BOOST_AUTO_TEST_CASE(networks_with_gates_have_one_for_every_option_but_none) {
  for (const auto& space : tiny_spaces()) {
    Initial initial{.dtype = DType::kFloat64};
    const OwnedGatedNetwork net = space->make_gated({.drop = 0.3}, initial);
    std::set<std::int64_t> entries;
    for (const GatedGroup& group : net.network.groups) {
      BOOST_TEST(group.drop_probability() == 0.3, boost::test_tools::tolerance(1e-12));
      entries.insert(group.entry);
    }
    std::int64_t number = 0;
    for (const Choice& choice : space->choices()) {
      for (const std::string& option : choice.options)
        BOOST_TEST(entries.contains(number++) == (option != "none"));
    }
    BOOST_TEST(net.network.forward({.batch_norm = BatchNormMode::kFrozenBatch}, images()).shape() == (Shape{2, 3}));
    BOOST_CHECK_THROW(space->make_gated({.drop = 1.0}, initial), UsageError);
  }
}

BOOST_AUTO_TEST_CASE(the_options_of_a_cell_give_it_back) {
  for (const auto& space : tiny_spaces()) {
    for (std::uint64_t i = 0; i < 50; ++i) {
      const std::string cell = random_cell(*space, {.seed = i, .purpose = Purpose::kTest});
      const std::vector<double> indicator = space->indicator(cell);
      BOOST_TEST(indicator.size() == count_options(*space));
      BOOST_TEST(std::ranges::all_of(indicator, [](double x) { return x == 0.0 || x == 1.0; }));
      BOOST_TEST(space->derive(indicator) == cell);
    }
    BOOST_CHECK_THROW(space->indicator("nonsense("), UsageError);
  }
}

BOOST_AUTO_TEST_CASE(neighbours_are_mutual_and_every_one_is_another_cell_of_the_space) {
  for (const auto& space : tiny_spaces()) {
    const std::string cell = random_cell(*space, {.seed = 5, .purpose = Purpose::kTest});
    const std::vector<std::string> around = neighbours(*space, cell);
    BOOST_TEST(around.size() >= 2u, space->name());
    BOOST_TEST(std::ranges::is_sorted(around));
    for (std::size_t i = 0; i < around.size(); i += 1 + around.size() / 10) {
      BOOST_TEST(around[i] != cell);
      BOOST_TEST(space->derive(space->indicator(around[i])) == around[i]);
      BOOST_TEST(std::ranges::count(neighbours(*space, around[i]), cell) == 1, space->name());
    }
  }
}

BOOST_AUTO_TEST_CASE(a_cell_of_the_benchmark_has_four_neighbours_an_edge) {
  const nasbench201::Space space({});
  const std::vector<std::string> around = neighbours(space, nasbench201::to_string(nasbench201::parse_cell("301240")));
  BOOST_TEST(around.size() == 24u);
  for (const std::string& text : around) {
    const std::string code = nasbench201::code(nasbench201::parse_cell(text));
    int differences = 0;
    for (std::size_t e = 0; e < code.size(); ++e)
      differences += code[e] != std::string("301240")[e];
    BOOST_TEST(differences == 1);
  }
}

BOOST_AUTO_TEST_CASE(a_cell_of_another_space_has_no_options_in_this_one) {
  const SoftmaxSpace darts(test::tiny(SupernetSpec::darts(2)), test::tiny_evaluation());
  const nasbench1shot1::SearchableSpace first(nasbench1shot1::Space::k1, {}), second(nasbench1shot1::Space::k2, {});
  BOOST_CHECK_EXCEPTION(first.indicator(random_cell(second, {})), UsageError,
                        (test::Says{{"not of the space 1shot1-1", "1, 2, 2, 2, 2 parents"}}));
  const auto refuses = [&](const std::string& cell) {
    BOOST_CHECK_EXCEPTION(darts.indicator(cell), UsageError, (test::Says{{"not of the space darts", "2 nodes"}}));
  };
  refuses(random_cell(SoftmaxSpace(test::tiny(SupernetSpec::bayesnas(2)), {}), {}));
  refuses(random_cell(SoftmaxSpace(test::tiny(SupernetSpec::darts(3)), {}), {}));
  const std::string tail =
      "], normal_concat=range(2, 4), reduce=[('skip_connect', 0), ('skip_connect', 1), "
      "('skip_connect', 0), ('skip_connect', 1)], reduce_concat=range(2, 4))";
  const auto cell_of = [&](const std::string& last) {
    return concat("Genotype(normal=[('skip_connect', 0), ('skip_connect', 1), ('skip_connect', 0), ('skip_connect', ",
                  last, ")", tail);
  };
  refuses(cell_of("0"));  // the same edge twice
  BOOST_TEST(darts.derive(darts.indicator(cell_of("2"))) == to_darts(parse_darts(cell_of("2"))));
  const std::string swapped = concat(
      "Genotype(normal=[('max_pool_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), "
      "('skip_connect', 1)",
      tail);
  BOOST_TEST(parse_darts(darts.derive(darts.indicator(swapped))).normal.edges[0].from == 0);
}

BOOST_AUTO_TEST_CASE(a_malformed_cell_is_refused_by_every_space) {
  for (const auto& space : tiny_spaces()) {
    Initial initial;
    BOOST_CHECK_THROW(space->facts("|nor_conv_3x3~0|+"), UsageError);
    BOOST_CHECK_THROW(space->make_network("nonsense(", initial), UsageError);
  }
}

BOOST_AUTO_TEST_CASE(facts_of_nasbench201_are_those_of_the_benchmark) {
  const nasbench201::Space space({.channels = 2, .cells_per_stage = 1});
  const CellFacts facts = space.facts("333133");
  BOOST_TEST(facts.parameters == 1288506);
  BOOST_TEST(facts.macs == 184730240);
  BOOST_TEST(facts.skips == 1);
  BOOST_TEST(facts.is_connected);
  BOOST_TEST(!space.facts("000000").is_connected);
}

BOOST_AUTO_TEST_CASE(darts_cells_keep_the_two_strongest_edges_of_a_node_and_never_the_zero_operation) {
  const SoftmaxSpace space(test::tiny(SupernetSpec::darts(2)), test::tiny_evaluation());
  // Two nodes: edges in1_0 in0_0 | in1_1 in0_1 sel_0_1, eight numbers each, zero operation first.
  std::vector<double> numbers(count_options(space));
  const auto set = [&](std::size_t edge, std::size_t option, double value) { numbers[edge * 8 + option] = value; };
  set(0, 0, 9.0);  // the zero operation is the likeliest, but the edge must stay: node 0 has only two
  set(0, 4, 1.0);  // sep_conv_3x3
  set(1, 3, 1.0);  // skip_connect
  set(2, 1, 0.5);  // weakest of node 1
  set(3, 5, 2.0);  // sep_conv_5x5
  set(4, 7, 1.5);  // dil_conv_5x5
  const Genotype genotype = parse_darts(space.derive(numbers));
  BOOST_REQUIRE(genotype.normal.edges.size() == 4u);
  BOOST_TEST(to_darts(genotype).starts_with(
      "Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1), ('sep_conv_5x5', 1), ('dil_conv_5x5', 2)]"));
  // All equal: the first operation, the first two edges.
  const Genotype tied = parse_darts(space.derive(std::vector<double>(numbers.size(), 0.0)));
  BOOST_TEST(
      to_darts(tied).starts_with("Genotype(normal=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('max_pool_3x3', "
                                 "0), ('max_pool_3x3', 1)]"));
}

BOOST_AUTO_TEST_CASE(a_strong_zero_operation_weakens_its_edge) {
  const SoftmaxSpace space(test::tiny(SupernetSpec::darts(2)), test::tiny_evaluation());
  std::vector<double> numbers(count_options(space));
  numbers[3 * 8 + 0] = 5.0;  // in0_1: softmax gives its best operation less than a seventh
  const Genotype genotype = parse_darts(space.derive(numbers));
  BOOST_TEST(genotype.normal.edges[2].from == 0);
  BOOST_TEST(genotype.normal.edges[3].from == 2);
}

BOOST_AUTO_TEST_CASE(the_skip_cap_replaces_the_least_likely_skips) {
  const nasbench201::Space space({});
  std::vector<double> numbers(nasbench201::kAlphas);
  for (std::size_t e = 0; e < nasbench201::kEdges; ++e) {
    numbers[e * 5 + 1] = 1.0 + static_cast<double>(e);  // skip connections, the surer the later
    numbers[e * 5 + 3] = 0.5;                           // next best
  }
  BOOST_TEST(space.facts(space.derive(numbers)).skips == 6);
  BOOST_TEST(derive_with_skip_cap(space, numbers, 2) == nasbench201::to_string(nasbench201::parse_cell("333311")));
  BOOST_TEST(derive_with_skip_cap(space, numbers, 0) == nasbench201::to_string(nasbench201::parse_cell("333333")));
}

BOOST_AUTO_TEST_CASE(the_skip_cap_holds_where_zero_operations_are_likelier_than_skips) {
  const SoftmaxSpace space(test::tiny(SupernetSpec::darts(2)), test::tiny_evaluation());
  std::vector<double> numbers(count_options(space));
  for (std::size_t edge = 0; edge < numbers.size() / 8; ++edge) {
    numbers[edge * 8] = 2.0;      // the zero operation, which no edge may keep
    numbers[edge * 8 + 3] = 1.0;  // skip_connect
  }
  BOOST_TEST(space.facts(space.derive(numbers)).skips == 8);
  for (const std::int64_t most : {3, 0})
    BOOST_TEST(space.facts(derive_with_skip_cap(space, numbers, most)).skips == most);
}

BOOST_AUTO_TEST_CASE(entropy_is_that_of_the_mean_choice) {
  const nasbench201::Space space({});
  std::vector<double> numbers(nasbench201::kAlphas);
  BOOST_TEST(mean_entropy(space, numbers) == std::log(5.0), boost::test_tools::tolerance(1e-12));
  for (std::size_t e = 0; e < 3; ++e)
    numbers[e * 5 + 2] = 1000.0;  // three of six edges are sure
  BOOST_TEST(mean_entropy(space, numbers) == 0.5 * std::log(5.0), boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_SUITE_END()
