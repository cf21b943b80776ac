// Switches in the trees of a PyramidNet: what they are to the loss, and what is left where they are pruned.
#include "autograd/hessian.h"
#include "nas/bayes/posterior.h"
#include "nas/spaces/proxyless/search_space.h"
#include "tests/nas/networks.h"
#include "tests/support.h"

using namespace ockham;
using namespace nas;
using proxyless::Sharing;
using proxyless::Space;
using proxyless::SpaceSpec;
using test::Says;

namespace {

constexpr FrameSpec kImages{.classes = 3, .image_size = 8};

SpaceSpec small(std::int64_t groups = 2, std::int64_t blocks = 1, Sharing sharing = Sharing::kNone) {
  return {.groups = groups,
          .blocks = blocks,
          .sharing = sharing,
          .network = {.channels = 4, .widening = 4, .classes = 3, .image_size = 8}};
}

/// A network of switches in float64, with nothing at its first value, and a batch.
struct Fixture {
  explicit Fixture(const SpaceSpec& spec) : space(spec), net(space.make_switches(initial)) {
    test::shake(*net.owned.module);
    // Logits of order 1: a saturated softmax has second derivatives that rounding would drown.
    Tensor& last = test::parameter_named(*net.owned.module, "fc.weight").value;
    scale(last, 1.0 / max_abs(logits()));
  }
  Tensor logits() { return net.owned.network.forward({}, batch.images).value(); }
  Variable loss(Tape& tape, BatchNormMode mode) {
    const Context context{.tape = &tape, .batch_norm = mode};
    return softmax_cross_entropy(net.owned.network.forward(context, batch.images), batch.labels);
  }
  std::size_t group_named(const std::string& choice, const std::string& option) const {
    const auto found = std::ranges::find_if(
        net.groups, [&](const SwitchPlaces& p) { return p.choice == choice && p.option == option; });
    BOOST_TEST_REQUIRE((found != net.groups.end()), choice << ' ' << option);
    return static_cast<std::size_t>(found - net.groups.begin());
  }
  void set(std::size_t group, double value) {
    for (const SwitchPlaces::Entry& entry : net.groups[group].copies)
      test::write(entry.parameter->value, static_cast<std::int64_t>(entry.index), value);
  }

  Initial initial{.seed = 3, .dtype = DType::kFloat64};
  Space space;
  SwitchNetwork net;
  Batch batch = test::noise_batch(3, kImages);
};

std::vector<SwitchGroup> groups_of(const SwitchNetwork& net) {
  std::vector<SwitchGroup> groups;
  for (const SwitchPlaces& place : net.groups)
    groups.push_back(make_group(place.gates, place.copies.size()));
  return groups;
}

/// By group, what goes where these are redundant.
std::vector<bool> pruned_by(const SwitchNetwork& net, const std::vector<std::size_t>& redundant) {
  std::vector<SwitchGroup> groups = groups_of(net);
  std::vector<bool> is_redundant(groups.size(), false);
  for (const std::size_t group : redundant)
    is_redundant[group] = true;
  prune_posterior(groups, is_redundant, 1);
  std::vector<bool> is_pruned;
  for (const SwitchGroup& group : groups)
    is_pruned.push_back(group.is_pruned());
  return is_pruned;
}

std::vector<double> numbers_of(const std::vector<bool>& is_pruned) {
  std::vector<double> numbers;
  for (const bool pruned : is_pruned)
    numbers.push_back(pruned ? 0.0 : 1.0);
  return numbers;
}

/// All switches 1, but for those of groups that are pruned, which are zeros.
void set_switches(Fixture& f, const std::vector<bool>& is_pruned) {
  for (std::size_t i = 0; i < is_pruned.size(); ++i)
    f.set(i, is_pruned[i] ? 0.0 : 1.0);
}

double largest(const std::vector<Tensor>& tensors) {
  double result = 0.0;
  for (const Tensor& tensor : tensors)
    result = std::max(result, max_abs(tensor));
  return result;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(proxyless_space)

BOOST_AUTO_TEST_CASE(every_branch_and_node_of_every_block_has_a_switch) {
  Fixture f(small(2, 2));
  BOOST_TEST(f.space.choices().size() == 4 * 15);
  std::size_t switches = 0, origins = 0;
  for (const SwitchPlaces& place : f.net.groups) {
    switches += place.copies.size();
    origins += place.gates.is_origin;
  }
  BOOST_TEST(switches == 4 * (15 + 7));
  BOOST_TEST(origins == 4 * 7);
  BOOST_TEST(count_elements(f.net.owned.network.architecture) == static_cast<std::int64_t>(switches));
}

BOOST_AUTO_TEST_CASE(blocks_share_their_groups_as_asked) {
  for (const auto& [sharing, groups, copies] :
       {std::tuple{Sharing::kNone, 6, 1}, {Sharing::kGroup, 2, 3}, {Sharing::kAll, 1, 6}}) {
    Fixture f(small(2, 3, sharing));
    BOOST_TEST(f.net.groups.size() == static_cast<std::size_t>(groups * (2 * 15 + 7)));
    BOOST_TEST(f.net.groups[1].copies.size() == static_cast<std::size_t>(copies));
    const std::vector<bool> is_pruned = pruned_by(f.net, {1});
    const proxyless::Genotype left = proxyless::parse_genotype(f.net.derive_kept({.values = numbers_of(is_pruned)}));
    std::int64_t cut = 0;
    for (const auto& group : left.groups)
      cut += std::ranges::count_if(group, [](const auto& tree) { return tree != proxyless::tree_cell_a(); });
    BOOST_TEST(cut == copies);
  }
}

BOOST_AUTO_TEST_CASE(the_exact_second_derivatives_are_those_of_differences) {
  for (const BatchNormMode mode : {BatchNormMode::kRunning, BatchNormMode::kBatch}) {
    Fixture f(small());
    const std::vector<Parameter*>& switches = f.net.owned.network.architecture;
    Tape tape;
    const HessianResult exact = hessian_diagonal(f.loss(tape, mode), switches);
    if (mode == BatchNormMode::kRunning)
      BOOST_CHECK((exact.algorithm == HessianAlgorithm::kReverse));
    const auto build = [&](Tape& t) { return f.loss(t, mode); };
    double worst = 0.0;
    for (std::size_t p = 0; p < switches.size(); ++p) {
      for (std::int64_t i = 0; i < switches[p]->value.numel(); ++i) {
        // A small step: rounding costs 1e-9, but no activation may cross the kink of its ReLU.
        const double difference = hessian_by_difference(build, *switches[p], i, 1e-7);
        worst = std::max(worst, std::abs(difference - test::read(exact.diagonal[p], i)));
      }
    }
    BOOST_TEST(worst / largest(exact.diagonal) < 1e-5);
  }
}

BOOST_AUTO_TEST_CASE(a_smaller_network_gives_the_logits_of_the_whole_one_with_zeros) {
  Fixture f(small());
  const auto check = [&](const std::vector<std::pair<std::string, std::string>>& redundant) {
    std::vector<std::size_t> groups;
    for (const auto& [choice, option] : redundant)
      groups.push_back(f.group_named(choice, option));
    const std::vector<bool> is_pruned = pruned_by(f.net, groups);
    set_switches(f, is_pruned);
    f.net.leave_out(std::vector<bool>(is_pruned.size(), false));
    const Tensor zeros = f.logits();
    f.net.leave_out(is_pruned);
    const Tensor left_out = f.logits();

    const std::string cell = f.net.derive_kept({.values = numbers_of(is_pruned)});
    Initial initial{.seed = 9, .dtype = DType::kFloat64};
    const OwnedNetwork smaller = f.space.make_network(cell, initial);
    for (Parameter* parameter : smaller.module->state())
      parameter->value = test::parameter_named(*f.net.owned.module, parameter->name).value.clone();
    const Tensor built = smaller.network.forward({}, f.batch.images).value();
    BOOST_TEST(test::relative_gap(left_out, zeros) < 1e-10);
    BOOST_TEST(test::relative_gap(built, zeros) < 1e-10);
    BOOST_TEST(smaller.network.architecture.empty());
    return zeros;
  };
  const Tensor whole = check({});
  for (const char* branch : {"0.0.1", "0.1.0", "1.0.2"})  // of a concat, of a mean, beside an equal one
    BOOST_TEST(test::relative_gap(check({{concat("block 1.0 branch ", branch),
                                          branch == std::string_view("0.0.1")   ? "sep_conv_7x7"
                                          : branch == std::string_view("0.1.0") ? "sep_conv_3x3"
                                                                                : "avg_pool_3x3"}}),
                                  whole) > 1e-6);
  check({{"block 1.0 branch 0", "conv_3x3"}});
  check({{"block 2.0 node 1.1", "origin"}});
  check({{"block 2.0 branch 0.1.0", "sep_conv_3x3"}, {"block 2.0 branch 0.1.1", "sep_conv_5x5"}});
  check({{"block 1.0 root", "origin"}});  // nothing is left of the block
}

BOOST_AUTO_TEST_CASE(what_leads_nowhere_is_pruned_with_what_it_led_to) {
  Fixture f(small());
  const auto is_pruned = pruned_by(f.net, {f.group_named("block 1.0 branch 0.1.0", "sep_conv_3x3"),
                                           f.group_named("block 1.0 branch 0.1.1", "sep_conv_5x5")});
  BOOST_TEST(is_pruned[f.group_named("block 1.0 branch 0.1", "max_pool_3x3")]);
  BOOST_TEST(is_pruned[f.group_named("block 1.0 node 0.1", "origin")]);
  BOOST_TEST(!is_pruned[f.group_named("block 1.0 branch 0", "conv_3x3")]);
  BOOST_TEST(std::ranges::count(is_pruned, true) == 4);
}

BOOST_AUTO_TEST_CASE(variances_are_gated_along_the_path_from_the_root) {
  Fixture f(small());
  std::vector<SwitchGroup> groups = groups_of(f.net);
  const std::size_t first = f.group_named("block 1.0 branch 0", "conv_3x3"),
                    second = f.group_named("block 1.0 branch 0.1", "max_pool_3x3"),
                    third = f.group_named("block 1.0 branch 0.1.0", "sep_conv_3x3"),
                    other = f.group_named("block 1.0 branch 1", "conv_3x3");
  groups[first].w = {1e-3};
  update_posterior(groups, {.gate = Gate::kDag, .dag_sum = DagSum::kEffective});
  BOOST_TEST(groups[first].effective == groups[first].state.gamma);
  const double expected = 1.0 / (1.0 / groups[second].state.gamma + 1.0 / groups[first].effective);
  BOOST_TEST(groups[second].effective == expected, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(is_redundant(groups[third].effective));
  BOOST_TEST(!is_redundant(groups[other].effective));
}

BOOST_AUTO_TEST_CASE(cells_and_numbers_say_the_same) {
  for (const Sharing sharing : {Sharing::kNone, Sharing::kGroup, Sharing::kAll}) {
    const Space space(small(2, 2, sharing));
    for (std::uint64_t draw = 0; draw < 5; ++draw) {
      const std::string cell = random_cell(space, {.seed = draw, .purpose = Purpose::kTest});
      BOOST_TEST(space.derive(space.indicator(cell)) == cell);
      BOOST_TEST(space.facts(cell).parameters > 0);
    }
  }
  const Space one(small(1, 1)), two(small(2, 1));
  const std::string cell = random_cell(one, {.seed = 1, .purpose = Purpose::kTest});
  BOOST_CHECK_EXCEPTION(two.indicator(cell), UsageError, (Says{{"not of the space proxyless", "1 groups of 1"}}));
}

BOOST_AUTO_TEST_CASE(nothing_left_and_networks_that_there_are_not_are_refused) {
  Fixture f(small());
  BOOST_CHECK_EXCEPTION(f.net.derive_kept({.values = std::vector<double>(f.net.groups.size(), 0.0)}), UsageError,
                        (Says{{"lambda is too large", "2 blocks nothing is left"}}));
  BOOST_CHECK_EXCEPTION(f.space.make_supernet(f.initial), UsageError, (Says{{"no network of logits", "--method"}}));
  BOOST_CHECK_EXCEPTION(f.space.make_gated({}, f.initial), UsageError, (Says{{"space proxyless", "gates"}}));
}

BOOST_AUTO_TEST_SUITE_END()
