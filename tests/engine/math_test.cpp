#include "engine/math.h"

#include <cmath>
#include <limits>

#include "engine/parallel.h"
#include "engine/random.h"
#include "tests/engine/files.h"
#include "tests/support.h"

namespace ockham {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Tensor random_vector(std::int64_t n, std::uint64_t step, DType dtype = DType::kFloat64) {
  Tensor x({n}, dtype);
  fill_normal(x, {.seed = 3, .purpose = Purpose::kTest, .step = step});
  return x;
}

BOOST_AUTO_TEST_SUITE(math)

BOOST_AUTO_TEST_CASE(axpy_and_scale_do_what_their_formulas_say) {
  Tensor y = Tensor::from({1.0, 2.0, 3.0}, {3});
  axpy(-2.0, Tensor::from({1.0, 0.5, 0.0}, {3}), y);
  BOOST_TEST(test::is_same(y, Tensor::from({-1.0, 1.0, 3.0}, {3})));
  scale(y, 0.5);
  BOOST_TEST(test::is_same(y, Tensor::from({-0.5, 0.5, 1.5}, {3})));
}

BOOST_AUTO_TEST_CASE(sums_and_products_agree_with_hand_computed_values) {
  const Tensor x = Tensor::from({1.0f, 2.0f, 3.0f, 4.0f}, {2, 2});
  const Tensor y = Tensor::from({5.0f, -1.0f, 0.0f, 2.0f}, {2, 2});
  BOOST_TEST(sum(x) == 10.0);
  BOOST_TEST(dot(x, y) == 11.0);
  const std::vector<double> parts = grouped_dot(x, y, 2);
  BOOST_TEST(parts[0] == 3.0);
  BOOST_TEST(parts[1] == 8.0);
}

BOOST_AUTO_TEST_CASE(float32_sums_are_accumulated_in_double) {
  // In float32 the sum stops growing at 2^24.
  BOOST_TEST(sum(Tensor::full({(1 << 24) + 4}, 1.0)) == (1 << 24) + 4);
}

BOOST_AUTO_TEST_CASE(long_sums_have_the_same_bits_at_any_number_of_threads) {
  const Tensor x = random_vector(200'001, 0, DType::kFloat32);
  const Tensor y = random_vector(200'001, 1, DType::kFloat32);
  const int before = thread_count();
  set_thread_count(1);
  const double sum_alone = sum(x);
  const double dot_alone = dot(x, y);
  for (int threads : {2, 3, 4}) {
    set_thread_count(threads);
    BOOST_TEST(sum(x) == sum_alone);
    BOOST_TEST(dot(x, y) == dot_alone);
  }
  set_thread_count(before);
}

BOOST_AUTO_TEST_CASE(long_dot_products_agree_with_a_plain_loop) {
  const Tensor x = random_vector(100'003, 2);
  const Tensor y = random_vector(100'003, 3);
  double expected = 0.0;
  for (std::int64_t i = 0; i < x.numel(); ++i)
    expected += x.data<double>()[i] * y.data<double>()[i];
  // The order of 1e5 additions of size one differs: about sqrt(1e5) roundings of 1e-16 relative to sums of some 300.
  BOOST_TEST(std::abs(dot(x, y) - expected) < 1e-10);
}

BOOST_AUTO_TEST_CASE(the_largest_magnitude_and_finiteness_see_every_element) {
  BOOST_TEST(max_abs(Tensor::from({1.0, -3.0, 2.0}, {3})) == 3.0);
  BOOST_TEST(max_abs(Tensor({0})) == 0.0);
  for (int place = 0; place < 3; ++place) {
    Tensor x = Tensor::from({1.0, 2.0, 3.0}, {3});
    x.data<double>()[place] = kNan;
    BOOST_TEST(std::isnan(max_abs(x)));
    BOOST_TEST(!is_finite(x));
    x.data<double>()[place] = -HUGE_VAL;
    BOOST_TEST(!is_finite(x));
  }
  BOOST_TEST(is_finite(Tensor::from({std::numeric_limits<float>::max()}, {1})));
}

BOOST_AUTO_TEST_CASE(copy_writes_through_a_strided_view) {
  const Tensor y = Tensor::zeros({2, 3}, DType::kFloat64);
  Tensor column = y.slice(1, 1, 2);
  copy(Tensor::from({7.0f, 8.0f}, {2, 1}), column);
  BOOST_TEST(test::is_same(y, Tensor::from({0.0, 7.0, 0.0, 0.0, 8.0, 0.0}, {2, 3})));
}

BOOST_AUTO_TEST_CASE(tensors_that_do_not_match_are_refused) {
  Tensor y({3});
  BOOST_CHECK_EXCEPTION(axpy(1.0, Tensor({4}), y), ShapeError, (test::Says{{"float32[4]", "float32[3]"}}));
  BOOST_CHECK_THROW(axpy(1.0, Tensor({3}, DType::kFloat64), y), ShapeError);
  BOOST_CHECK_EXCEPTION(copy(Tensor({1, 3}), y), ShapeError, (test::Says{{"[1,3]", "[3]"}}));
  BOOST_CHECK_THROW(dot(Tensor({2}), y), ShapeError);
  BOOST_CHECK_THROW(sum(Tensor({2}, DType::kInt64)), DTypeError);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
