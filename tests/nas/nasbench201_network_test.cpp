#include "autograd/reverse.h"
#include "engine/math.h"
#include "nas/cost.h"
#include "nas/nasbench201/network.h"
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

BOOST_AUTO_TEST_CASE(refuses_sizes_that_are_not_positive) {
  Initial initial;
  BOOST_CHECK_THROW(Network(parse_cell("111111"), {.cells_per_stage = 0}, initial), UsageError);
  BOOST_CHECK_THROW(make_operation(Operation::kNone, 4, true, initial), UsageError);
}

BOOST_AUTO_TEST_SUITE_END()
