#include "autograd/reverse.h"
#include "engine/math.h"
#include "nas/cost.h"
#include "nas/spaces/nasbench201/supernet.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"
#include "tests/support.h"

using namespace ockham;
using namespace nas::nasbench201;

namespace {

constexpr NetworkSpec kSmall{.channels = 4, .cells_per_stage = 1, .classes = 3};

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

/// The network's gradients of a loss on three images, by name.
std::vector<Tensor> gradients(const Cell& cell, bool fuses) {
  Initial initial{.seed = 4, .dtype = DType::kFloat64};
  Network network(cell, kSmall, initial);
  Tape tape;
  const Context context{.tape = &tape, .batch_norm = BatchNormMode::kBatch, .fuses = fuses};
  const Tensor labels = Tensor::from(std::vector<std::int64_t>{0, 2, 1}, {3});
  backward(softmax_cross_entropy(network.forward(context, noise({3, 3, 8, 8}, 1)), labels));
  std::vector<Tensor> result;
  for (const Parameter* parameter : network.parameters(ParameterKind::kWeight))
    result.push_back(parameter->grad);
  return result;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(nasbench201_network)

BOOST_AUTO_TEST_CASE(has_the_published_numbers_of_parameters_and_multiply_accumulates) {
  for (const char* code : {"421211", "334131", "333133", "111111"}) {
    const Cell cell = parse_cell(code);
    Initial initial;
    Network network(cell, {}, initial);
    BOOST_TEST(count_elements(network.parameters(ParameterKind::kWeight)) == parameter_count(cell));
    BOOST_TEST(nas::count_macs([&](const Context& c, const Variable& x) { return network.forward(c, x); }, 3, 32) ==
               mac_count(cell));
  }
}

BOOST_AUTO_TEST_CASE(parameters_are_named_as_in_the_published_networks) {
  Initial initial;
  Network network(parse_cell("300000"), kSmall, initial);
  std::vector<std::string> names;
  for (const Parameter* parameter : network.parameters(ParameterKind::kWeight))
    names.push_back(parameter->name);
  for (const char* name : {"stem.0.weight", "cells.0.layers.0.op.1.weight", "cells.1.conv_a.op.1.weight",
                           "cells.1.downsample.1.weight", "lastact.0.weight", "classifier.bias"})
    BOOST_TEST(std::ranges::count(names, name) == 1, name);
}

BOOST_AUTO_TEST_CASE(fused_and_plain_layers_give_the_same_gradients) {
  const Cell cell = parse_cell("321431");
  const std::vector<Tensor> fused = gradients(cell, true), plain = gradients(cell, false);
  BOOST_TEST_REQUIRE(fused.size() == plain.size());
  for (std::size_t i = 0; i < fused.size(); ++i)
    BOOST_TEST(gap(fused[i], plain[i]) <= 1e-11);  // float64, sums in another order
}

BOOST_AUTO_TEST_CASE(a_cell_that_is_cut_off_sees_no_image) {
  Initial initial{.seed = 4, .dtype = DType::kFloat64};
  Network network(parse_cell("111000"), kSmall, initial);
  const auto logits = [&](std::uint64_t seed) { return network.forward({}, noise({2, 3, 8, 8}, seed)).value(); };
  BOOST_TEST(gap(logits(1), logits(2)) == 0.0);
}

// With logits that leave one operation an edge, the mixture is the cell; its weights go by other names but in the same
// order.
BOOST_AUTO_TEST_CASE(search_network_of_certain_logits_is_the_network_of_their_cell) {
  const Cell cell = parse_cell("331234");
  NetworkSpec spec = kSmall;
  spec.is_affine = false;
  Initial for_search{.seed = 4, .dtype = DType::kFloat64}, for_cell{.seed = 5, .dtype = DType::kFloat64};
  Supernet search({.network = spec}, for_search);
  const std::span<double> logits = search.architecture().front()->value.span<double>();
  Network network(cell, spec, for_cell);
  for (std::int64_t e = 0; e < kEdges; ++e) {
    for (std::int64_t o = 0; o < kOperations; ++o)
      logits[static_cast<std::size_t>(e * kOperations + o)] =
          o == static_cast<std::int64_t>(cell.edges[static_cast<std::size_t>(e)]) ? 0.0 : -800.0;
  }
  BOOST_CHECK(largest(logits) == cell);
  for (Parameter* to : network.state()) {
    std::string name = to->name;
    if (const std::size_t at = name.find("layers."); at != std::string::npos) {
      const auto e = static_cast<std::size_t>(name[at + 7] - '0');
      name.replace(at, 8, concat("edges.", e, '.', static_cast<int>(cell.edges[e])));
    }
    for (const Parameter* from : search.state()) {
      if (from->name == name)
        to->value = from->value.clone();
    }
  }
  const Context context{.batch_norm = BatchNormMode::kBatch};
  const Tensor images = noise({3, 3, 8, 8}, 1);
  BOOST_TEST(gap(search.forward(context, images).value(), network.forward(context, images).value()) <= 1e-12);
}

// A switch is then the standard deviation of what its operation gives, and switches can be compared.
BOOST_AUTO_TEST_CASE(every_operation_behind_a_switch_gives_maps_of_unit_variance_however_small_its_input) {
  struct Watch : nas::Mixer {
    mutable std::vector<double> variances;
    Variable sum(const Context& context, std::span<const nas::Deferred> maps,
                 const std::vector<std::int64_t>&) const override {
      for (const nas::Deferred& map : maps) {
        const Tensor y = nas::applied(map).value();
        double total = 0.0, squares = 0.0;
        for (const double v : y.span<double>()) {
          total += v;
          squares += v * v;
        }
        const auto n = static_cast<double>(y.numel());
        variances.push_back(squares / n - total / n * (total / n));
      }
      return nas::added(context, maps);
    }
  };
  const auto variances = [](bool normalises_all) {
    Initial initial{.seed = 3, .dtype = DType::kFloat64};
    const Watch watch;
    MixedCell cell(watch, {.channels = 4, .normalises_all = normalises_all}, initial);
    Tensor x = noise({4, 4, 8, 8}, 1);
    scale(x, 0.1);
    cell.forward({.batch_norm = BatchNormMode::kBatch}, x);
    return watch.variances;
  };
  const std::vector<double> all = variances(true);
  BOOST_TEST(all.size() == 24u);
  for (const double variance : all)
    BOOST_TEST(variance == 1.0, boost::test_tools::tolerance(0.05));  // batch norm's epsilon beside 0.01 / 8
  const std::vector<double> published = variances(false);
  BOOST_TEST(std::ranges::min(published) < 0.05);
}

BOOST_AUTO_TEST_CASE(search_network_has_the_gradient_of_central_differences_in_its_logits) {
  Initial initial{.seed = 6, .dtype = DType::kFloat64};
  Supernet search({.network = kSmall}, initial);
  Parameter& logits = *search.architecture().front();
  const Tensor images = noise({3, 3, 8, 8}, 2);
  const Tensor labels = Tensor::from(std::vector<std::int64_t>{0, 2, 1}, {3});
  const auto loss = [&](Tape* tape) {
    return softmax_cross_entropy(search.forward({.tape = tape, .batch_norm = BatchNormMode::kBatch}, images), labels);
  };
  Tape tape;
  backward(loss(&tape));
  constexpr double kStep = 1e-6;
  for (std::int64_t i = 0; i < logits.value.numel(); i += 7) {
    double& logit = logits.value.data<double>()[i];
    const auto moved = [&](double by) {
      logit += by;
      const double value = loss(nullptr).value().item();
      logit -= by;
      return value;
    };
    BOOST_TEST(std::abs((moved(kStep) - moved(-kStep)) / (2.0 * kStep) - logits.grad.data<double>()[i]) <= 1e-7);
  }
}

BOOST_AUTO_TEST_CASE(refuses_sizes_that_are_not_positive) {
  Initial initial;
  BOOST_CHECK_THROW(Network(parse_cell("111111"), {.cells_per_stage = 0}, initial), UsageError);
  BOOST_CHECK_THROW(make_operation(Operation::kNone, 4, true, initial), UsageError);
}

BOOST_AUTO_TEST_SUITE_END()
