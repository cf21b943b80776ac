// How fine a grid weights need.
#include "nas/compression/cycles/bit_widths.h"

#include <cmath>

#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;

namespace {

struct Weights {
  Parameter w{.name = "w", .value = Tensor::from<double>({1.0, -0.5, 0.25, 0.0}, {4})};
  Masks masks{{&w}};

  BitWidth at(std::vector<double> hessian, double lambda) {
    const std::vector<Tensor> H{Tensor::from<double>(hessian, {4})};
    return bit_widths(masks, H, lambda).at(0);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(bit_widths)

BOOST_AUTO_TEST_CASE(rounding_noise_costs_half_a_nat_a_weight) {
  Weights weights;
  const std::vector<double> H{3.0, 1.0, 2.0, 6.0};
  const double lambda = 0.01;
  const BitWidth width = weights.at(H, lambda);
  double cost = 0.0;
  for (const double h : H)
    cost += 0.5 * h / lambda * width.step * width.step / 12.0;
  BOOST_TEST(cost == 0.5 * 4.0, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(width.bits == static_cast<int>(std::ceil(std::log2(std::floor(2.0 / width.step) + 1.0))));
}

BOOST_AUTO_TEST_CASE(ten_times_the_images_need_more_bits_and_flat_losses_one) {
  Weights weights;
  const std::vector<double> H(4, 1.0);
  BOOST_TEST(weights.at(H, 1e-6).bits > weights.at(H, 1e-3).bits);
  BOOST_TEST(weights.at(std::vector<double>(4, 0.0), 1e-3).bits == 1);
}

BOOST_AUTO_TEST_CASE(pruned_weights_take_no_bytes_and_others_without_curvature_four) {
  Weights weights;
  Parameter bias{.name = "b", .value = Tensor::from<double>({1.0, 2.0}, {2})};
  Masks masks{{&weights.w, &bias}};
  masks.prune({.name = "w[0]", .runs = {{.parameter = 0, .offset = 0, .count = 1}}});
  const std::vector<Tensor> H{Tensor::from<double>({9.0, 1.0, 1.0, 1.0}, {4}), Tensor()};
  const std::vector<BitWidth> widths = nas::bit_widths(masks, H, 0.01);
  BOOST_TEST(widths.size() == 1u);
  BOOST_TEST(widths[0].weights == 3);
  BOOST_TEST(widths[0].step == std::sqrt(12.0 * 0.01), boost::test_tools::tolerance(1e-12));
  BOOST_TEST(bytes_at(widths, masks) == (3.0 * widths[0].bits + 2.0 * 32.0) / 8.0);
}

BOOST_AUTO_TEST_SUITE_END()
