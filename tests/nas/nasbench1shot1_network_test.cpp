#include "autograd/hessian.h"
#include "autograd/reverse.h"
#include "engine/math.h"
#include "nas/cost.h"
#include "nas/element.h"
#include "nas/spaces/nasbench1shot1/network.h"
#include "nas/spaces/nasbench1shot1/supernet.h"
#include "nas/spaces/search_network.h"
#include "nas/train/parameter_vectors.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"
#include "tests/support.h"

using namespace ockham;
using namespace nas::nasbench1shot1;
using test::Says;

namespace {

constexpr NetworkSpec kSmall{.channels = 3, .cells_per_stack = 1, .classes = 3};

Tensor noise(const Shape& shape, std::uint64_t seed) {
  Tensor x(shape, DType::kFloat64);
  fill_normal(x, {seed, Purpose::kTest, 0});
  return x;
}

double gap(const Tensor& a, const Tensor& b) {
  Tensor difference = a.clone();
  axpy(-1.0, b, difference);
  return max_abs(difference);
}

/// Of cross-entropy on three images of noise, batch norm on their statistics.
template <class Net>
Variable loss(Net& network, Tape* tape, bool fuses = true) {
  const Tensor labels = Tensor::from(std::vector<std::int64_t>{0, 2, 1}, {3});
  const Context context{.tape = tape, .batch_norm = BatchNormMode::kBatch, .fuses = fuses};
  return softmax_cross_entropy(network.forward(context, noise({3, 3, 8, 8}, 2)), labels);
}

template <class Net>
void check_that_fusing_changes_nothing(Net& network) {
  const auto gradients = [&](bool fuses) {
    std::vector<Tensor> result;
    for (Parameter* parameter : network.state())
      parameter->grad = {};
    Tape tape;
    backward(loss(network, &tape, fuses));
    for (const Parameter* parameter : network.state()) {
      if (parameter->grad)
        result.push_back(parameter->grad);
    }
    return result;
  };
  const std::vector<Tensor> fused = gradients(true), plain = gradients(false);
  BOOST_TEST_REQUIRE(fused.size() == plain.size());
  BOOST_TEST(!fused.empty());
  for (std::size_t i = 0; i < fused.size(); ++i)
    BOOST_TEST(gap(fused[i], plain[i]) <= 1e-11);  // float64, sums in another order
}

/// Every convolution sums its channels pixel by pixel, batch norm is the identity, the classifier sums.
void make_sums(Module& network) {
  for (Parameter* parameter : network.state()) {
    const bool is_weight = parameter->kind == ParameterKind::kWeight;
    Tensor& value = parameter->value;
    if (parameter->name.ends_with("running_var"))
      fill(value, 1.0 - 1e-5);  // batch norm adds 1e-5
    else if (parameter->name.ends_with("bias"))
      fill(value, 0.0);
    else if (is_weight && value.rank() == 4 && value.size(2) == 3) {
      for (std::int64_t i = 0; i < value.numel(); ++i)
        value.data<double>()[i] = i % 9 == 4 ? 1.0 : 0.0;
    } else if (is_weight && value.rank() >= 2)
      fill(value, 1.0);
  }
}

/// Logits for images of ones, which must all be one number.
template <class Net>
double sum_of_ones(Net& network) {
  const Tensor logits = network.forward({}, Tensor::full({2, 3, 8, 8}, 1.0, DType::kFloat64)).value();
  for (const double logit : logits.span<double>())
    BOOST_TEST(logit == logits.data<double>()[0], boost::test_tools::tolerance(1e-12));
  return logits.data<double>()[0];
}

/// Switches of which no two are equal, between 0.5 and 1.5.
void spread(const std::vector<Parameter*>& switches) {
  std::uint64_t stream = 0;
  for (Parameter* cell : switches)
    fill_uniform(cell->value, {9, Purpose::kTest, stream++}, 0.5, 1.5);
}

/// The switches of each cell in the order of the space.
std::vector<std::vector<double>> numbers_by_cell(Space space, Supernet& search) {
  std::vector<std::vector<double>> cells;
  for (const Parameter* parameter : search.architecture()) {
    if (cells.empty() || cells.back().size() == number_count(space))
      cells.emplace_back();
    const std::span<const double> values = parameter->value.span<double>();
    cells.back().insert(cells.back().end(), values.begin(), values.end());
  }
  return cells;
}

/// What a cell of switches gives where every channel of its input is the same, each operation and projection sums its
/// channels and the input's sum up to `sum`; summed over its channels.
double sum_of_cell(Space space, std::span<const double> switches, double channels, double sum) {
  const std::size_t output = nodes_of(space) + 1;
  std::vector<double> states{sum};
  for (std::size_t v = 1; v < output; ++v) {
    const std::optional<std::size_t> parents = parent_numbers(space, v);
    double x = 0.0;
    for (std::size_t j = 0; j < v; ++j)
      x += (parents ? switches[*parents + j] : 1.0) * states[j];
    const double* operations = switches.data() + operation_numbers(v);
    states.push_back(x * (operations[0] + channels * (operations[1] + operations[2])));
  }
  const double* parts = switches.data() + *parent_numbers(space, output);
  double result = parts[0] * sum * static_cast<double>(output - 1);
  for (std::size_t v = 1; v < output; ++v)
    result += parts[v] * states[v];
  return channels * result;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(nasbench1shot1_network)

BOOST_AUTO_TEST_CASE(the_published_example_has_the_published_number_of_parameters) {
  const Cell cell =
      parse_cell("conv1x1-bn-relu:0+conv3x3-bn-relu:0+conv3x3-bn-relu:0+conv3x3-bn-relu:3+maxpool3x3:0+output:1,2,4,5");
  BOOST_TEST(parameter_count(cell) == 2694282);
}

BOOST_AUTO_TEST_CASE(formulas_count_what_the_network_has) {
  const std::vector<std::pair<Cell, NetworkSpec>> cases{
      {parse_cell("conv3x3-bn-relu:0+maxpool3x3:0,1+conv1x1-bn-relu:0,2+conv3x3-bn-relu:1,3+output:0,4"),
       {.channels = 16}},
      {parse_cell("conv3x3-bn-relu:0+conv1x1-bn-relu:1+conv1x1-bn-relu:0,1+conv3x3-bn-relu:1,2+output:2,3,4"),
       {.channels = 7, .cells_per_stack = 2, .classes = 5}},
      {parse_cell("output:0"), {.channels = 4, .image_channels = 1}},
      {cell_of(Space::k3, 123456), {.channels = 9, .cells_per_stack = 1}}};
  for (const auto& [cell, spec] : cases) {
    Initial initial;
    Network network(cell, spec, initial);
    BOOST_TEST(count_elements(network.parameters(ParameterKind::kWeight)) == parameter_count(cell, spec));
    BOOST_TEST(nas::count_macs([&](const Context& c, const Variable& x) { return network.forward(c, x); },
                               spec.image_channels, 32) == mac_count(cell, spec));
  }
}

// The stem gives 3 on its three channels. Cell 1 has widths 2 and 1: nodes 9 and (9 + 9) * 1, output 9 + (9, 9, 18).
// Cell 2, widths 3 and 3, of an input with the sum 63: nodes 63 and 126 * 3, output 63 + (63, 378). Cell 3, widths 6
// and 6, of 1701: nodes 1701 and 3402 * 6, output 1701 + (1701, 20412), summed over six channels each.
BOOST_AUTO_TEST_CASE(nodes_sum_their_parents_and_the_output_joins_them) {
  Initial initial{.dtype = DType::kFloat64};
  Network network(parse_cell("maxpool3x3:0+conv1x1-bn-relu:0,1+output:0,1,2"), kSmall, initial);
  make_sums(network);
  BOOST_TEST(sum_of_ones(network) == 153090.0, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(loose_ends_are_no_part_of_the_network) {
  Initial first{.seed = 4}, second{.seed = 4};
  const Cell cell = parse_cell("conv3x3-bn-relu:0+maxpool3x3:0,1+conv1x1-bn-relu:0,2+conv1x1-bn-relu:0,1+output:1,4");
  Network whole(cell, kSmall, first), without(pruned(cell), kSmall, second);
  BOOST_TEST(whole.state().size() == without.state().size());
  BOOST_TEST(parameter_count(cell, kSmall) == parameter_count(pruned(cell), kSmall));
}

BOOST_AUTO_TEST_CASE(fused_and_plain_layers_of_a_cell_give_the_same_gradients) {
  Initial initial{.seed = 4, .dtype = DType::kFloat64};
  Network network(parse_cell("conv3x3-bn-relu:0+maxpool3x3:1+conv1x1-bn-relu:0,1+conv3x3-bn-relu:0,2+output:0,3,4"),
                  kSmall, initial);
  check_that_fusing_changes_nothing(network);
}

BOOST_AUTO_TEST_CASE(refuses_sizes_that_are_not_positive_and_too_few_channels) {
  Initial initial;
  const Cell cell = parse_cell("maxpool3x3:0+maxpool3x3:0+output:1,2");
  BOOST_CHECK_EXCEPTION(Network(cell, {.cells_per_stack = 0}, initial), UsageError, (Says{{"0 cells", "at least 1"}}));
  BOOST_CHECK_THROW(Network(cell, {.channels = 1}, initial), UsageError);
  for (const nas::Mixing mixing : {nas::Mixing::kSoftmax, nas::Mixing::kSwitches, nas::Mixing::kGates})
    BOOST_CHECK_THROW(Supernet({.network = {.classes = 0}, .mixing = mixing}, initial), UsageError);
}

BOOST_AUTO_TEST_CASE(a_search_network_has_logits_where_its_space_leaves_a_choice) {
  const std::vector<std::vector<std::string>> inputs{
      {"alphas_inputs.3 [1,3]", "alphas_inputs.4 [1,4]"},
      {"alphas_inputs.2 [1,2]", "alphas_inputs.3 [1,3]", "alphas_inputs.4 [1,4]"},
      {"alphas_inputs.2 [1,2]", "alphas_inputs.3 [1,3]", "alphas_inputs.4 [1,4]", "alphas_inputs.5 [1,5]"}};
  for (std::int64_t s = 0; s < 3; ++s) {
    Initial initial;
    Supernet search({.space = space_of(s + 1), .network = kSmall}, initial);
    std::vector<std::string> expected{s == 2 ? "alphas_mixed_op [5,3]" : "alphas_mixed_op [4,3]",
                                      s == 2 ? "alphas_output [1,6]" : "alphas_output [1,5]"};
    const auto& more = inputs[static_cast<std::size_t>(s)];
    expected.insert(expected.end(), more.begin(), more.end());
    std::vector<std::string> names;
    for (const Parameter* parameter : search.architecture())
      names.push_back(concat(parameter->name, ' ', parameter->value.shape()));
    BOOST_TEST(names == expected, boost::test_tools::per_element());
  }
}

// With all logits equal and C channels a node's operations give x, C x and C x. The output has a weight of 1/5 each.
BOOST_AUTO_TEST_CASE(a_search_network_mixes_operations_inputs_and_outputs) {
  Initial initial{.dtype = DType::kFloat64};
  Supernet search({.space = Space::k1, .network = {.channels = 1, .cells_per_stack = 1, .classes = 2}}, initial);
  make_sums(search);
  for (Parameter* logits : search.architecture())
    fill(logits->value, 0.0);
  double s = 3.0;  // sum of the channels of a cell's input
  for (const double C : {1.0, 2.0, 4.0}) {
    const double gain = (1.0 + 2.0 * C) / 3.0;
    const double first = gain * s;
    const double second = gain * (s + first);  // no choice: a plain sum
    const double third = gain * (s + first + second) / 3.0;
    const double fourth = gain * (s + first + second + third) / 4.0;
    s = C * ((first + second + third + fourth) / 5.0 + 4.0 * s / 5.0);
  }
  BOOST_TEST(sum_of_ones(search) == 4.0 * s, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(equal_logits_derive_the_first_of_each) {
  const std::vector<std::string> expected{
      "maxpool3x3:0+maxpool3x3:0,1+maxpool3x3:0,1+maxpool3x3:0,1+output:0,1",
      "maxpool3x3:0+maxpool3x3:0+maxpool3x3:0,1+maxpool3x3:0,1+output:0,1,2",
      "maxpool3x3:0+maxpool3x3:0+maxpool3x3:0+maxpool3x3:0,1+maxpool3x3:0,1+output:0,1"};
  for (std::int64_t s = 0; s < 3; ++s) {
    Initial initial;
    Supernet search({.space = space_of(s + 1), .network = kSmall}, initial);
    for (Parameter* logits : search.architecture())
      fill(logits->value, 0.25);
    BOOST_TEST(to_string(largest(space_of(s + 1), nas::numbers_of(search.architecture()))) ==
               expected[static_cast<std::size_t>(s)]);
  }
}

BOOST_AUTO_TEST_CASE(derivation_takes_the_largest_logits_and_the_first_of_a_tie) {
  Initial initial;
  Supernet search({.space = Space::k2, .network = kSmall}, initial);
  const auto set = [&](std::size_t parameter, const std::vector<double>& values) {
    Parameter& logits = *search.architecture().at(parameter);
    BOOST_TEST_REQUIRE(static_cast<std::size_t>(logits.value.numel()) == values.size());
    for (std::size_t i = 0; i < values.size(); ++i)
      nas::set_element(logits.value, i, values[i]);
  };
  set(0, {0, 2, 1, 0, 1, 2, 3, 1, 3, -2, -1, -1});  // operations
  set(1, {0, 5, 1, 1, 4});                          // parents of the output
  set(2, {0, 1});                                   // of node 2
  set(3, {2, 1, 3});
  set(4, {0, 7, 7, 7});
  BOOST_TEST(to_string(largest(Space::k2, nas::numbers_of(search.architecture()))) ==
             "conv3x3-bn-relu:0+conv1x1-bn-relu:1+maxpool3x3:0,2+conv3x3-bn-relu:1,2+output:1,2,4");
}

BOOST_AUTO_TEST_CASE(fused_and_plain_layers_of_a_search_network_give_the_same_gradients) {
  Initial initial{.seed = 4, .dtype = DType::kFloat64};
  Supernet search({.space = Space::k2, .network = kSmall}, initial);
  check_that_fusing_changes_nothing(search);
}

BOOST_AUTO_TEST_CASE(every_logit_has_the_gradient_of_central_differences) {
  for (const Space space : {Space::k1, Space::k3}) {
    Initial initial{.seed = 6, .dtype = DType::kFloat64};
    Supernet search({.space = space, .network = {.channels = 2, .cells_per_stack = 1, .classes = 3}}, initial);
    const nas::SearchNetwork network{
        .module = &search,
        .forward = [&](const Context& context, const Variable& images) { return search.forward(context, images); },
        .architecture = search.architecture()};
    const nas::Batch batch{noise({3, 3, 8, 8}, 2), Tensor::from(std::vector<std::int64_t>{0, 2, 1}, {3})};
    network.differentiate(batch);
    constexpr double kStep = 1e-6;
    double largest = 0.0;
    for (Parameter* logits : network.architecture) {
      for (std::int64_t i = 0; i < logits->value.numel(); ++i) {
        double& logit = logits->value.data<double>()[i];
        const auto moved = [&](double by) {
          logit += by;
          const double value = network.loss(nullptr, batch).value().item();
          logit -= by;
          return value;
        };
        const double estimate = (moved(kStep) - moved(-kStep)) / (2.0 * kStep);
        BOOST_TEST(std::abs(estimate - logits->grad.data<double>()[i]) <= 1e-8);
        largest = std::max(largest, std::abs(estimate));
      }
    }
    BOOST_TEST(largest > 1e-3);  // the tolerance is small beside it
  }
}

BOOST_AUTO_TEST_CASE(switches_weigh_operations_inputs_and_outputs_in_the_order_of_the_space) {
  for (const Space space : {Space::k1, Space::k2, Space::k3}) {
    Initial initial{.dtype = DType::kFloat64};
    Supernet search({.space = space,
                     .network = {.channels = 1, .cells_per_stack = 1, .classes = 2},
                     .mixing = nas::Mixing::kSwitches},
                    initial);
    make_sums(search);
    BOOST_TEST_REQUIRE(numbers_by_cell(space, search).size() == 3u);
    for (const std::vector<double>& cell : numbers_by_cell(space, search))
      BOOST_TEST(cell == std::vector<double>(number_count(space), 1.0), boost::test_tools::per_element());
    spread(search.architecture());
    double sum = 3.0, channels = 1.0;
    for (const std::vector<double>& cell : numbers_by_cell(space, search)) {
      sum = sum_of_cell(space, cell, channels, sum);
      channels *= 2.0;
    }
    BOOST_TEST(sum_of_ones(search) == 4.0 * sum, boost::test_tools::tolerance(1e-12));
  }
}

BOOST_AUTO_TEST_CASE(fused_and_plain_layers_of_a_network_of_switches_give_the_same_gradients) {
  Initial initial{.seed = 4, .dtype = DType::kFloat64};
  Supernet search({.space = Space::k2, .network = kSmall, .mixing = nas::Mixing::kSwitches}, initial);
  check_that_fusing_changes_nothing(search);
}

BOOST_AUTO_TEST_CASE(gates_weigh_a_choice_as_switches_that_are_the_mean_of_what_they_keep) {
  for (const Space space : {Space::k1, Space::k2, Space::k3}) {
    Initial initial{.seed = 6, .dtype = DType::kFloat64}, of_switches = initial;  // the same weights in the same order
    Supernet gated({.space = space, .network = kSmall, .mixing = nas::Mixing::kGates}, initial);
    Supernet search({.space = space, .network = kSmall, .mixing = nas::Mixing::kSwitches}, of_switches);
    const Tensor images = noise({3, 3, 8, 8}, 2);
    const std::size_t output = nodes_of(space) + 1, parts = *parent_numbers(space, output);
    std::vector<double> kept(number_count(space));
    for (std::size_t i = 0; i < kept.size(); ++i)
      kept[i] = uniform({2, Purpose::kTest, 0}, i) < 0.6 ? 1.0 : 0.0;
    std::fill_n(kept.begin(), kOperations, 0.0);  // node 1 is zero
    kept[parts + output - 1] = 1.0;
    for (const bool trains : {false, true}) {
      std::vector<double> weights = kept;
      const auto average = [&](std::size_t first, std::size_t count) {
        const std::span<double> choice = std::span(weights).subspan(first, count);
        const auto of = trains ? static_cast<double>(count) : static_cast<double>(std::ranges::count(choice, 1.0));
        for (double& weight : choice)
          weight /= std::max(1.0, of);
      };
      for (std::size_t v = 1; v <= output; ++v) {
        if (v < output)
          average(operation_numbers(v), kOperations);
        if (parent_numbers(space, v) && (v < output || trains))  // the output takes its parents as they are
          average(*parent_numbers(space, v), v);
      }
      for (const nas::GatedGroup& group : gated.groups()) {
        const bool is_kept = kept[static_cast<std::size_t>(group.entry)] == 1.0;
        *group.keep = {is_kept ? 1.0 : 0.0};
        group.logit->value.data<double>()[group.entry] = is_kept ? -900.0 : 900.0;
      }
      std::size_t number = 0;  // of the first cell, then of the next
      for (Parameter* parameter : search.architecture()) {
        for (double& value : parameter->value.span<double>())
          value = weights[number++ % weights.size()];
      }
      const Context context{.batch_norm = BatchNormMode::kBatch, .is_training = trains};
      BOOST_TEST(gap(gated.forward(context, images).value(), search.forward(context, images).value()) <= 1e-12);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_group_of_an_operation_has_its_kernels_in_all_cells_and_one_of_a_parent_none) {
  Initial initial;
  Supernet gated({.space = Space::k1,
                  .network = {.channels = 3, .cells_per_stack = 2, .classes = 3},
                  .mixing = nas::Mixing::kGates},
                 initial);
  BOOST_TEST_REQUIRE(gated.groups().size() == number_count(Space::k1));
  for (const nas::GatedGroup& group : gated.groups()) {
    const auto number = static_cast<std::size_t>(group.entry);
    const bool is_operation = number < nodes_of(Space::k1) * kOperations;
    const auto operation = static_cast<Operation>(number % kOperations);
    BOOST_TEST(group.kernels.size() == (is_operation && operation != Operation::kMaxPool3 ? 6u : 0u));
    for (const Parameter* kernel : group.kernels)
      BOOST_TEST(kernel->value.size(2) == (operation == Operation::kConv3 ? 3 : 1));
  }
}

// A node's input passes two switches one after the other, its own and the operation's.
BOOST_AUTO_TEST_CASE(every_switch_has_the_second_derivative_of_central_differences) {
  for (const Space space : {Space::k1, Space::k3}) {
    for (const BatchNormMode mode : {BatchNormMode::kRunning, BatchNormMode::kBatch}) {
      Initial initial{.seed = 6, .dtype = DType::kFloat64};
      Supernet search({.space = space,
                       .network = {.channels = 2, .cells_per_stack = 1, .classes = 3},
                       .mixing = nas::Mixing::kSwitches},
                      initial);
      spread(search.architecture());
      const Tensor images = noise({3, 3, 8, 8}, 2);
      // Logits of order 1: a saturated softmax has second derivatives that rounding would drown.
      for (Parameter* parameter : search.state()) {
        if (parameter->name == "classifier.weight")
          scale(parameter->value, 1.0 / max_abs(search.forward({.batch_norm = mode}, images).value()));
      }
      const auto build = [&](Tape& tape) {
        const Tensor labels = Tensor::from(std::vector<std::int64_t>{0, 2, 1}, {3});
        return softmax_cross_entropy(search.forward({.tape = &tape, .batch_norm = mode}, images), labels);
      };
      Tape tape;
      const HessianResult exact = hessian_diagonal(build(tape), search.architecture());
      double largest = 0.0, worst = 0.0;
      for (std::size_t cell = 0; cell < search.architecture().size(); ++cell) {
        for (std::int64_t i = 0; i < exact.diagonal[cell].numel(); ++i) {
          // A small step: rounding costs 1e-9, but no activation may cross the kink of its ReLU.
          const double difference = hessian_by_difference(build, *search.architecture()[cell], i, 1e-7);
          largest = std::max(largest, std::abs(difference));
          worst = std::max(worst, std::abs(difference - exact.diagonal[cell].data<double>()[i]));
        }
      }
      BOOST_TEST(worst <= 1e-5 * largest);
      BOOST_TEST((exact.algorithm ==
                  (mode == BatchNormMode::kRunning ? HessianAlgorithm::kReverse : HessianAlgorithm::kForward)));
      BOOST_TEST(largest > 1e-2);  // far above rounding
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
