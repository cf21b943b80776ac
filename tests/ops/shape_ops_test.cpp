// Identities between the ops that only move elements.
#include "engine/random.h"
#include "ops/avg_pool2d/avg_pool2d.h"
#include "ops/concat/concat.h"
#include "ops/mean/mean.h"
#include "ops/pad2d/pad2d.h"
#include "ops/reshape/reshape.h"
#include "ops/shift2d/shift2d.h"
#include "ops/slice/slice.h"
#include "ops/sum/sum.h"
#include "tests/engine/files.h"
#include "tests/support.h"

namespace ockham {
namespace {

using test::is_same;

Variable random_map(const Shape& shape, std::uint64_t step = 0) {
  Tensor x(shape, DType::kFloat64);
  fill_normal(x, {.seed = 41, .purpose = Purpose::kTest, .step = step});
  return x;
}

BOOST_AUTO_TEST_SUITE(shape_ops)

BOOST_AUTO_TEST_CASE(slicing_undoes_concatenation) {
  const std::vector<Variable> parts{random_map({2, 3, 4, 5}, 1), random_map({2, 1, 4, 5}, 2)};
  const Variable joined = concat(parts);
  BOOST_TEST(joined.shape() == Shape({2, 4, 4, 5}));
  BOOST_TEST(is_same(slice(joined, 1, 0, 3).value(), parts[0].value()));
  BOOST_TEST(is_same(slice(joined, 1, 3, 4).value(), parts[1].value()));
}

BOOST_AUTO_TEST_CASE(slicing_undoes_padding) {
  const Variable x = random_map({2, 3, 4, 5});
  const Variable padded = pad2d(x, {.top = 2, .bottom = 1, .left = 0, .right = 3});
  BOOST_TEST(is_same(slice(slice(padded, 2, 2, 6), 3, 0, 5).value(), x.value()));
}

BOOST_AUTO_TEST_CASE(shifting_is_padding_on_one_side_and_slicing_on_the_other) {
  const Variable x = random_map({2, 3, 4, 5});
  const Variable padded = pad2d(x, {.bottom = 1, .left = 2});
  BOOST_TEST(is_same(shift2d(x, 1, -2).value(), slice(slice(padded, 2, 1, 5), 3, 0, 5).value()));
}

BOOST_AUTO_TEST_CASE(a_stride_keeps_what_the_pool_of_one_pixel_keeps) {
  const Variable x = random_map({2, 3, 7, 5});
  const AvgPool2dAttrs one_pixel{.kernel = 1, .stride = 3, .pad = 0};
  BOOST_TEST(is_same(shift2d(x, 1, -2, 3).value(), avg_pool2d(shift2d(x, 1, -2), one_pixel).value()));
}

BOOST_AUTO_TEST_CASE(shifting_back_restores_all_but_the_border) {
  const Variable x = random_map({1, 2, 5, 6});
  const Variable there_and_back = shift2d(shift2d(x, 1, 1), -1, -1);
  BOOST_TEST(
      is_same(slice(slice(there_and_back, 2, 1, 5), 3, 1, 6).value(), slice(slice(x, 2, 1, 5), 3, 1, 6).value()));
  BOOST_TEST(sum(slice(there_and_back, 2, 0, 1)).value().item() == 0.0);
}

BOOST_AUTO_TEST_CASE(reshaping_back_restores_the_tensor) {
  const Variable x = random_map({2, 3, 4});
  BOOST_TEST(is_same(reshape(reshape(x, {2, 12}), {2, 3, 4}).value(), x.value()));
}

BOOST_AUTO_TEST_CASE(the_mean_is_the_sum_over_the_count) {
  const Variable x = random_map({3, 5, 7});
  // One more rounding on one side.
  BOOST_TEST(mean(x).value().item() == sum(x).value().item() / 105.0, boost::test_tools::tolerance(1e-15));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
