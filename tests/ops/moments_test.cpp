#include "ops/moments/moments.h"

#include <cmath>

#include "ops/moments/moments_kernels.h"
#include "ops/ops.h"
#include "tests/ops/passes.h"
#include "tests/support.h"

using namespace ockham;
using test::noise;

BOOST_AUTO_TEST_SUITE(moments)

BOOST_AUTO_TEST_CASE(a_constant_channel_has_its_value_and_no_variance) {
  const Tensor x = Tensor::full({3, 2, 4, 5}, 0.1, DType::kFloat64);  // 0.1: its sums round, its differences do not
  const Tensor m = ockham::moments(x).value();
  BOOST_TEST(m.data<double>()[0] == 0.1);
  BOOST_TEST(m.data<double>()[2] == 0.0);
  const test::Recorded run({x}, [](auto in) { ockham::moments(in[0]); });
  BOOST_TEST(max_abs(run.vjp(1, Tensor::from({0.0, 0.0, 1.0, 1.0}, {2, 2}))[0]) == 0.0);  // a minimum of the variance
}

BOOST_AUTO_TEST_CASE(float32_keeps_a_variance_a_million_times_below_the_squared_mean) {
  for (const Shape& shape : {Shape{8, 3, 37, 41}, Shape{500, 3, 2, 1}, Shape{3000, 3}}) {
    Tensor wide = noise(shape, 1);
    for (double& v : wide.span<double>())
      v += 1000.0;
    const Tensor x = wide.to(DType::kFloat32);
    const Tensor result = ockham::moments(x).value().to(DType::kFloat64);
    const BatchNormResult expected = batch_norm_train(x.to(DType::kFloat64), {}, {});
    for (std::int64_t c = 0; c < 3; ++c) {
      // Both are one rounding to float32 away from exact, the variance a few more for the lanes that are in float32.
      BOOST_TEST(std::abs(result.data<double>()[c] - expected.mean.data<double>()[c]) <= 1000.0 * 6e-8);
      BOOST_TEST(result.data<double>()[3 + c] == expected.variance.data<double>()[c],
                 boost::test_tools::tolerance(1e-6));
    }
  }
}

BOOST_AUTO_TEST_CASE(one_outlier_in_a_plane_costs_no_digits_wherever_it_is) {
  for (std::int64_t at = 0; at < 2000; at += 250) {
    Tensor x = noise({2, 1, 40, 50}, 1).to(DType::kFloat32);
    x.data<float>()[at] = 300.0f;
    const Tensor result = ockham::moments(x).value();
    const BatchNormResult expected = batch_norm_train(x.to(DType::kFloat64), {}, {});
    BOOST_TEST(static_cast<double>(result.data<float>()[1]) == expected.variance.item(),
               boost::test_tools::tolerance(1e-6));
  }
}

BOOST_AUTO_TEST_CASE(a_constant_shift_moves_the_mean_alone_in_float32_too) {
  Tensor wide = noise({4, 3, 20, 30}, 1);
  for (double& v : wide.span<double>())
    v += 1000.0;
  const test::Recorded run({wide.to(DType::kFloat32)}, [](auto in) { ockham::moments(in[0]); });
  const Tensor ones = Tensor::full({4, 3, 20, 30}, 1.0, DType::kFloat32);
  const Tensor m_dot = run.jvp(1, {ones});
  for (std::int64_t c = 0; c < 3; ++c) {
    BOOST_TEST(m_dot.data<float>()[c] == 1.0f);
    BOOST_TEST(std::abs(m_dot.data<float>()[3 + c]) < 1e-6f);
  }
  BOOST_TEST(run.curvature(1, Tensor::full({2, 3}, 1.0, DType::kFloat32), {ones})[0] == 0.0);
}

BOOST_AUTO_TEST_CASE(merged_planes_have_the_moments_of_their_values) {
  constexpr std::int64_t kN = 5, kC = 35, kP = 6;  // more channels than one task merges
  const Tensor x = noise({kN, kC, 2, 3}, 1);
  std::vector<cpu::PlaneMoments> planes;
  for (std::int64_t i = 0; i < kN * kC; ++i)
    planes.push_back(cpu::moments_of_plane(kP, x.data<double>() + i * kP));
  Tensor m({2, kC}, DType::kFloat64);
  cpu::merge_moments(kN, kC, kP, planes.data(), m.data<double>());
  const BatchNormResult expected = batch_norm_train(x, {}, {});
  for (std::int64_t c = 0; c < kC; ++c) {
    BOOST_TEST(std::abs(m.data<double>()[c] - expected.mean.data<double>()[c]) < 1e-14);
    BOOST_TEST(std::abs(m.data<double>()[kC + c] - expected.variance.data<double>()[c]) < 1e-14);
  }
}

BOOST_AUTO_TEST_CASE(a_batch_with_a_nan_says_so) {
  for (const Shape& shape : {Shape{2, 1, 3, 4}, Shape{5, 1}, Shape{1, 1, 6, 7}}) {
    Tensor x = noise(shape, 1);
    x.data<double>()[1] = std::nan("");
    const Tensor m = ockham::moments(x).value();
    BOOST_TEST(std::isnan(m.data<double>()[0]));
    BOOST_TEST(std::isnan(m.data<double>()[1]));
  }
}

BOOST_AUTO_TEST_SUITE_END()
