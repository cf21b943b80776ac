// Feature maps in bfloat16: what is rounded, what stays, and who refuses.
#include "autograd/narrow.h"

#include "autograd/hessian.h"
#include "autograd/reverse.h"
#include "autograd/sweep.h"
#include "engine/math.h"
#include "ops/ops.h"
#include "tests/autograd/values.h"
#include "tests/support.h"

using namespace ockham;
using ockham::test::noise;

namespace {

const Shape kMap{2, 3, 4, 5};

Tensor narrow_map(std::uint64_t stream) {
  return noise(kMap, stream).to(DType::kBFloat16);
}

bool are_equal(const Tensor& a, const Tensor& b) {
  const Tensor x = a.to(DType::kFloat64), y = b.to(DType::kFloat64);
  return a.spec() == b.spec() && std::ranges::equal(x.span<double>(), y.span<double>());
}

/// silu(s * map) with a parameter s, the logits of its channels and their loss.
struct Net {
  explicit Net(const Tensor& images) {
    scaled = scale(images, tape.leaf(s));
    map = silu(scaled);
    logits = global_avg_pool(map);
    loss = softmax_cross_entropy(logits, Tensor::zeros({2}, DType::kInt64));
  }
  Parameter s{.name = "s", .value = Tensor::full({1}, 1.25)};
  Tape tape;
  Variable scaled, map, logits, loss;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(narrow)

BOOST_AUTO_TEST_CASE(maps_are_the_rounded_float32_results_and_the_rest_is_float32) {
  const Tensor x = narrow_map(1);
  BOOST_TEST(are_equal(silu(x).value(), silu(x.to(DType::kFloat32)).value().to(DType::kBFloat16)));
  BOOST_TEST(are_equal(moments(x).value(), moments(x.to(DType::kFloat32)).value()));
  const Net net(x);
  BOOST_TEST(net.map.dtype() == DType::kBFloat16);
  BOOST_TEST(net.logits.dtype() == DType::kFloat32);
  BOOST_TEST(net.loss.dtype() == DType::kFloat32);
}

BOOST_AUTO_TEST_CASE(float32_maps_are_left_alone) {
  const Net net(noise(kMap, 1).to(DType::kFloat32));
  for (const Node& node : net.tape.nodes()) {
    for (const Spec& spec : node.outputs)
      BOOST_TEST(spec.dtype == DType::kFloat32);
  }
}

BOOST_AUTO_TEST_CASE(the_tape_keeps_the_narrow_maps_themselves) {
  const Tensor x = narrow_map(1);
  const Net net(x);
  for (const Node& node : net.tape.nodes()) {
    for (const Tensor& kept : node.saved.tensors)
      BOOST_TEST((kept.shape() != kMap || kept.dtype() == DType::kBFloat16));
  }
  BOOST_TEST(net.tape.nodes()[1].saved[0].shares_storage_with(x));
  const auto is_scaled = [&](const Tensor& kept) { return kept.shares_storage_with(net.scaled.value()); };
  BOOST_TEST(std::ranges::any_of(net.tape.nodes()[2].saved.tensors, is_scaled));
}

BOOST_AUTO_TEST_CASE(cotangents_are_those_of_float32_at_the_rounded_values) {
  Parameter x{.name = "x", .value = narrow_map(1).to(DType::kFloat32)};
  const Tensor y_bar = noise(kMap, 2).to(DType::kFloat32);
  const auto pulled = [&](DType dtype) {
    Tape tape;
    const Variable at_leaf = tape.leaf(x);
    const Variable y = silu(Variable(x.value.to(dtype), tape, at_leaf.id()));
    return pull_back(tape, y.id(), y_bar, {}).at(0);
  };
  BOOST_TEST(are_equal(pulled(DType::kBFloat16), pulled(DType::kFloat32)));
}

BOOST_AUTO_TEST_CASE(gradients_of_parameters_are_float32_and_near_those_of_float32_maps) {
  const Tensor x = narrow_map(1);
  Net narrow(x), wide(x.to(DType::kFloat32));
  backward(narrow.loss);
  backward(wide.loss);
  BOOST_TEST(narrow.s.grad.dtype() == DType::kFloat32);
  // Two maps lie between s and the logits, each within 2^-8 of its values.
  BOOST_TEST(narrow.s.grad.item() == wide.s.grad.item(), boost::test_tools::tolerance(0.02));
  BOOST_TEST(narrow.s.grad.item() != wide.s.grad.item());
}

BOOST_AUTO_TEST_CASE(second_derivatives_of_rounded_maps_are_refused) {
  Net net(narrow_map(1));
  const std::vector<Parameter*> parameters{&net.s};
  const test::Says refusal{{"scale", "bfloat16[2,3,4,5]", "on float32 images"}};
  BOOST_CHECK_EXCEPTION(hessian_diagonal(net.loss, parameters), DTypeError, refusal);
  BOOST_CHECK_EXCEPTION(push_forward(net.tape, net.loss.id(), {{0, Tensor::full({1}, 1.0)}}, 1), DTypeError, refusal);
}

BOOST_AUTO_TEST_CASE(float64_parameters_on_bfloat16_maps_are_refused) {
  BOOST_CHECK_EXCEPTION(scale(narrow_map(1), Tensor::full({1}, 1.0, DType::kFloat64)), DTypeError,
                        (test::Says{{"scale", "float64[1]"}}));
}

BOOST_AUTO_TEST_SUITE_END()
