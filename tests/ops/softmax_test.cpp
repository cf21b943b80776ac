#include <cmath>
#include <limits>

#include "ops/ops.h"
#include "tests/ops/passes.h"
#include "tests/support.h"

using namespace ockham;

BOOST_AUTO_TEST_SUITE(softmax)

BOOST_AUTO_TEST_CASE(adding_a_constant_to_a_row_changes_nothing) {
  const Tensor x = test::noise({4, 6}, 1);
  Tensor shifted = x.clone();
  for (double& v : shifted.span<double>())
    v += 1000.0;
  BOOST_TEST(test::difference(ockham::softmax(shifted).value(), ockham::softmax(x).value()) < 1e-12);
  BOOST_TEST(test::difference(log_softmax(shifted).value(), log_softmax(x).value()) < 1e-12);
}

BOOST_AUTO_TEST_CASE(log_softmax_is_the_logarithm_of_softmax) {
  const Tensor x = test::noise({3, 2, 5}, 2);
  BOOST_TEST(test::difference(log_softmax(x).value(), ockham::log(ockham::softmax(x)).value()) < 1e-14);
}

BOOST_AUTO_TEST_CASE(log_softmax_keeps_what_softmax_rounds_to_zero) {
  const Tensor x = Tensor::from({0.0f, -500.0f}, {2});
  BOOST_TEST(ockham::softmax(x).value().data<float>()[1] == 0.0f);
  BOOST_TEST(log_softmax(x).value().data<float>()[1] == -500.0f);
}

BOOST_AUTO_TEST_CASE(huge_and_missing_logits_give_finite_rows) {
  const double missing = -std::numeric_limits<double>::infinity();
  const Tensor p = ockham::softmax(Tensor::from({1e300, -1e300, 0.0, missing, 0.0, 0.0}, {2, 3})).value();
  const double expected[] = {1.0, 0.0, 0.0, 0.0, 0.5, 0.5};
  for (std::size_t i = 0; i < 6; ++i)
    BOOST_TEST(p.data<double>()[i] == expected[i]);
}

BOOST_AUTO_TEST_CASE(a_constant_tangent_moves_nothing) {
  const test::Recorded run({test::noise({5, 4}, 3)}, [](auto x) { ockham::softmax(x[0]); });
  const Tensor ones = Tensor::full({5, 4}, 1.0, DType::kFloat64);
  BOOST_TEST(max_abs(run.jvp(1, {ones})) < 1e-15);
  BOOST_TEST(std::abs(run.curvature(1, test::noise({5, 4}, 4), {ones})[0]) < 1e-15);
}

BOOST_AUTO_TEST_SUITE_END()
