#include <cmath>
#include <limits>

#include "ops/ops.h"
#include "tests/ops/passes.h"
#include "tests/support.h"

using namespace ockham;

BOOST_AUTO_TEST_SUITE(pool)

BOOST_AUTO_TEST_CASE(of_equal_elements_the_first_in_row_major_order_wins) {
  const test::Recorded run({Tensor::full({1, 1, 3, 3}, 2.0, DType::kFloat64)},
                           [](auto x) { max_pool2d(x[0], {.kernel = 3, .stride = 1, .pad = 1}); });
  const Tensor x_bar = run.vjp(1, Tensor::full({1, 1, 3, 3}, 1.0, DType::kFloat64))[0];
  // Windows start at rows and columns 0, 0, 1: four of them at (0,0), two at (0,1) and (1,0), one at (1,1).
  const double expected[] = {4, 2, 0, 2, 1, 0, 0, 0, 0};
  for (std::size_t i = 0; i < 9; ++i)
    BOOST_TEST(x_bar.data<double>()[i] == expected[i]);
}

BOOST_AUTO_TEST_CASE(padding_of_max_pool_never_wins) {
  const Tensor y =
      max_pool2d(Tensor::full({1, 1, 3, 3}, -7.0, DType::kFloat64), {.kernel = 3, .stride = 1, .pad = 1}).value();
  for (double v : y.span<double>())
    BOOST_TEST(v == -7.0);
}

BOOST_AUTO_TEST_CASE(a_plane_of_minus_infinity_still_has_its_gradient_in_the_plane) {
  const double lowest = -std::numeric_limits<double>::infinity();
  const test::Recorded run({Tensor::full({1, 1, 2, 2}, lowest, DType::kFloat64)},
                           [](auto x) { max_pool2d(x[0], {.kernel = 3, .stride = 1, .pad = 1}); });
  const Tensor x_bar = run.vjp(1, Tensor::full({1, 1, 2, 2}, 1.0, DType::kFloat64))[0];
  BOOST_TEST(x_bar.data<double>()[0] == 4.0);
}

BOOST_AUTO_TEST_CASE(nan_wins_over_numbers) {
  const Tensor y = max_pool2d(Tensor::from({1.0, std::nan(""), 9.0, 2.0}, {1, 1, 2, 2})).value();
  BOOST_TEST(std::isnan(y.item()));
}

BOOST_AUTO_TEST_CASE(one_nan_changes_only_the_windows_that_hold_it) {
  for (std::int64_t stride : {1, 2}) {
    const Tensor x = test::noise({1, 1, 7, 40}, 3);
    const Tensor clean = max_pool2d(x, {.kernel = 3, .stride = stride, .pad = 1}).value();
    for (std::int64_t at : {0, 39, 3 * 40 + 17, 279}) {
      Tensor spoilt = x.clone();
      spoilt.data<double>()[at] = std::nan("");
      const Tensor y = max_pool2d(spoilt, {.kernel = 3, .stride = stride, .pad = 1}).value();
      for (std::int64_t i = 0; i < y.numel(); ++i) {
        const std::int64_t row = i / y.size(3) * stride;
        const std::int64_t column = i % y.size(3) * stride;
        if (std::abs(row - at / 40) <= 1 && std::abs(column - at % 40) <= 1)
          BOOST_TEST(std::isnan(y.data<double>()[i]), "output " << i << ", NaN at " << at);
        else
          BOOST_TEST(y.data<double>()[i] == clean.data<double>()[i]);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(equal_elements_of_long_rows_are_chosen_as_in_short_ones) {
  // Long rows go through full vectors, short ones do not: of equal elements both choose the first.
  const auto pull = [](const Tensor& x) {
    const test::Recorded run({x}, [](auto in) { max_pool2d(in[0], {.kernel = 3, .stride = 1, .pad = 1}); });
    return run.vjp(1, Tensor::full(x.shape(), 1.0, x.dtype()))[0];
  };
  const Tensor wide = pull(Tensor::full({1, 1, 4, 48}, 2.0, DType::kFloat32));
  const Tensor narrow = pull(Tensor::full({1, 1, 4, 3}, 2.0, DType::kFloat32));
  for (std::int64_t row = 0; row < 4; ++row) {
    for (std::int64_t column = 0; column < 47; ++column) {
      // From column 1 on each is the first of one window in a row of windows, as in the narrow plane.
      const std::int64_t like = std::min<std::int64_t>(column, 1);
      BOOST_TEST(wide.data<float>()[row * 48 + column] == narrow.data<float>()[row * 3 + like]);
    }
    BOOST_TEST(wide.data<float>()[row * 48 + 47] == 0.0F);
  }
}

BOOST_AUTO_TEST_CASE(count_include_pad_changes_only_windows_at_the_border) {
  const Tensor ones = Tensor::full({1, 1, 3, 3}, 1.0, DType::kFloat64);
  const Tensor counted = avg_pool2d(ones, {.kernel = 3, .stride = 1, .pad = 1}).value();
  const double expected[] = {4, 6, 4, 6, 9, 6, 4, 6, 4};
  for (std::size_t i = 0; i < 9; ++i)
    BOOST_TEST(std::abs(counted.data<double>()[i] - expected[i] / 9.0) < 1e-15);
  const Tensor inside = avg_pool2d(ones, {.kernel = 3, .stride = 1, .pad = 1, .count_include_pad = false}).value();
  BOOST_TEST(test::difference(inside, ones) < 1e-15);
}

BOOST_AUTO_TEST_CASE(global_pool_is_the_average_pool_of_the_whole_plane) {
  const Tensor x = test::noise({2, 3, 5, 5}, 1);
  const Tensor whole = avg_pool2d(x, {.kernel = 5, .stride = 1}).value();
  BOOST_TEST(test::difference(global_avg_pool(x).value(), whole.reshape({2, 3})) < 1e-15);
}

BOOST_AUTO_TEST_CASE(recursion_squares_the_weights) {
  const Tensor x = test::noise({1, 1, 4, 4}, 2);
  const Tensor h_y = Tensor::full({1, 1, 2, 2}, 1.0, DType::kFloat64);
  const test::Recorded average({x}, [](auto in) { avg_pool2d(in[0]); });
  BOOST_TEST(average.recursion(h_y).data<double>()[0] == 1.0 / 16.0);
  const Tensor h_mean = Tensor::full({1, 1}, 1.0, DType::kFloat64);
  const test::Recorded global({x}, [](auto in) { global_avg_pool(in[0]); });
  BOOST_TEST(global.recursion(h_mean).data<double>()[0] == 1.0 / 256.0);
}

BOOST_AUTO_TEST_SUITE_END()
