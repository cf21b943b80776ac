#include <cmath>
#include <limits>

#include "ops/ops.h"
#include "tests/ops/passes.h"
#include "tests/support.h"

using namespace ockham;

BOOST_AUTO_TEST_SUITE(elementwise)

constexpr double kInfinity = std::numeric_limits<double>::infinity();

BOOST_AUTO_TEST_CASE(relu_keeps_nan_so_that_a_diverged_net_shows) {
  const Tensor y = relu(Tensor::from({-1.0, std::nan(""), 2.0}, {3})).value();
  BOOST_TEST(y.data<double>()[0] == 0.0);
  BOOST_TEST(std::isnan(y.data<double>()[1]));
  BOOST_TEST(y.data<double>()[2] == 2.0);
}

BOOST_AUTO_TEST_CASE(relu_has_slope_zero_at_zero_in_every_pass) {
  const test::Recorded run({Tensor::from({0.0, 1.0}, {2})}, [](auto x) { relu(x[0]); });
  const Tensor ones = Tensor::full({2}, 1.0, DType::kFloat64);
  for (const Tensor& result : {run.vjp(1, ones)[0], run.jvp(1, {ones}), run.recursion(ones)}) {
    BOOST_TEST(result.data<double>()[0] == 0.0);
    BOOST_TEST(result.data<double>()[1] == 1.0);
  }
}

BOOST_AUTO_TEST_CASE(sigmoid_and_its_slopes_are_finite_far_out) {
  const test::Recorded run({Tensor::from({-800.0, 800.0}, {2})}, [](auto x) { sigmoid(x[0]); });
  const Tensor ones = Tensor::full({2}, 1.0, DType::kFloat64);
  BOOST_TEST(max_abs(run.jvp(1, {ones})) == 0.0);
  BOOST_TEST(run.curvature(1, ones, {ones})[0] == 0.0);
  const Tensor y = sigmoid(Tensor::from({-800.0, 800.0}, {2})).value();
  BOOST_TEST(y.data<double>()[0] == 0.0);
  BOOST_TEST(y.data<double>()[1] == 1.0);
}

BOOST_AUTO_TEST_CASE(silu_is_x_times_sigmoid_and_tanh_a_stretched_sigmoid) {
  const Tensor x = test::noise({50}, 1);
  Tensor half = x.clone();
  scale(half, 2.0);
  for (std::int64_t i = 0; i < 50; ++i) {
    const double xi = x.data<double>()[i];
    BOOST_TEST(silu(x).value().data<double>()[i] == xi * sigmoid(x).value().data<double>()[i]);
    BOOST_TEST(std::abs(ockham::tanh(x).value().data<double>()[i] -
                        (2.0 * sigmoid(half).value().data<double>()[i] - 1.0)) < 1e-15);
  }
}

BOOST_AUTO_TEST_CASE(gelu_in_float32_follows_its_float64_values_and_slopes_to_3e_7) {
  std::vector<double> points;
  for (int i = -1200; i <= 1200; ++i)
    points.push_back(static_cast<double>(static_cast<float>(i) / 75.0f));
  const Tensor x = Tensor::from(points, {std::ssize(points)});
  const auto passes = [](const Tensor& at) {
    const test::Recorded run({at}, [](auto input) { gelu(input[0]); });
    const Tensor ones = Tensor::full(at.shape(), 1.0, at.dtype());
    return std::pair{gelu(at).value().to(DType::kFloat64), run.jvp(1, {ones}).to(DType::kFloat64)};
  };
  const auto [y, slope] = passes(x);
  const auto [y32, slope32] = passes(x.to(DType::kFloat32));
  BOOST_TEST(y.data<double>()[1275] == 0.8413447460685429, boost::test_tools::tolerance(1e-15));  // at 1: Phi(1)
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    BOOST_TEST(std::abs(y32.data<double>()[i] - y.data<double>()[i]) <= 3e-7 * std::max(1.0, std::abs(points[i])));
    BOOST_TEST(std::abs(slope32.data<double>()[i] - slope.data<double>()[i]) <= 3e-7);
  }
}

BOOST_AUTO_TEST_CASE(gelu_is_finite_far_out_and_keeps_nan) {
  for (DType dtype : {DType::kFloat32, DType::kFloat64}) {
    const Tensor y = gelu(Tensor::from({-1e30, 1e30, std::nan("")}, {3}).to(dtype)).value().to(DType::kFloat64);
    BOOST_TEST(y.data<double>()[0] == 0.0);
    BOOST_TEST(y.data<double>()[1] == static_cast<double>(1e30f), boost::test_tools::tolerance(1e-6));
    BOOST_TEST(std::isnan(y.data<double>()[2]));
  }
}

BOOST_AUTO_TEST_CASE(log_undoes_exp_and_follows_ieee_at_zero) {
  const Tensor x = test::noise({50}, 2);
  BOOST_TEST(test::difference(ockham::log(ockham::exp(x)).value(), x) < 1e-14);
  const Tensor edge = ockham::log(Tensor::from({0.0, -1.0}, {2})).value();
  BOOST_TEST(edge.data<double>()[0] == -kInfinity);
  BOOST_TEST(std::isnan(edge.data<double>()[1]));
}

BOOST_AUTO_TEST_SUITE_END()
