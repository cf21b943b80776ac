#include "nas/bayes/calibration.h"

#include <cmath>

#include "engine/error.h"
#include "tests/support.h"

using namespace ockham::nas;
using ockham::test::Says;
namespace tt = boost::test_tools;

BOOST_AUTO_TEST_SUITE(calibration)

BOOST_AUTO_TEST_CASE(quantiles_of_five_groups) {
  const std::vector<double> hessian = {0.05, 0.01, 0.03, 0.02, 0.04};
  const Calibration result = calibrate(hessian, {.lambdas = {0.01, 0.1}, .target_lambda = 0.01});
  BOOST_REQUIRE_EQUAL(result.rows.size(), 2u);
  BOOST_TEST(result.groups == 5);
  const CalibrationRow& row = result.rows[0];
  BOOST_TEST(row.minimum == 1.0, tt::tolerance(1e-12));
  BOOST_TEST(row.lower_quartile == 2.0, tt::tolerance(1e-12));
  BOOST_TEST(row.median == 3.0, tt::tolerance(1e-12));
  BOOST_TEST(row.upper_quartile == 4.0, tt::tolerance(1e-12));
  BOOST_TEST(row.maximum == 5.0, tt::tolerance(1e-12));
  BOOST_TEST(result.rows[1].median == 0.3, tt::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(verdict_depends_on_the_median) {
  const auto verdict = [](double h) { return calibrate(std::vector{h}, {.lambdas = {0.01}}).rows[0].balance; };
  BOOST_CHECK(verdict(0.11) == Balance::kSaturated);
  BOOST_CHECK(verdict(0.09) == Balance::kBalanced);
  BOOST_CHECK(verdict(0.0011) == Balance::kBalanced);
  BOOST_CHECK(verdict(0.0009) == Balance::kCurvatureDominated);
}

BOOST_AUTO_TEST_CASE(suggested_scale_brings_the_median_to_one) {
  std::vector<double> hessian = {3.0, 0.5, 8.0, -1.0, 2.0};
  const Calibration before = calibrate(hessian);
  BOOST_TEST(before.not_positive == 1);
  for (double& h : hessian)
    h *= before.hessian_scale;
  const Calibration after = calibrate(hessian);
  BOOST_TEST(after.rows[1].lambda == 0.007);
  BOOST_TEST(after.rows[1].median == 1.0, tt::tolerance(1e-12));
  BOOST_TEST(after.hessian_scale == 1.0, tt::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(without_curvature_there_is_no_scale) {
  const Calibration result = calibrate(std::vector{0.0, -0.3, 0.0});
  BOOST_TEST(result.hessian_scale == 1.0);
  BOOST_CHECK(result.rows[0].balance == Balance::kCurvatureDominated);
}

BOOST_AUTO_TEST_CASE(text_names_lambda_verdict_and_scale) {
  const std::string text = calibration_text(calibrate(std::vector{0.5, 0.5}));
  for (const char* part : {"2 groups", "0.007", "71.4", "saturated", "hessian_scale = 0.014"})
    BOOST_TEST(text.find(part) != std::string::npos, part << " in\n" << text);
}

BOOST_AUTO_TEST_CASE(bad_input_is_refused) {
  BOOST_CHECK_EXCEPTION(calibrate({}), ockham::UsageError, (Says{{"0 groups"}}));
  BOOST_CHECK_EXCEPTION(calibrate(std::vector{std::nan("")}), ockham::DivergedError, (Says{{"nan", "finite"}}));
  BOOST_CHECK_EXCEPTION(calibrate(std::vector{1.0}, {.lambdas = {0.0}}), ockham::UsageError, (Says{{"positive"}}));
}

BOOST_AUTO_TEST_SUITE_END()
