#include "engine/shape.h"

#include "tests/support.h"

namespace ockham {
namespace {

BOOST_AUTO_TEST_SUITE(shape)

BOOST_AUTO_TEST_CASE(sizes_rank_and_element_count_are_as_given) {
  const Shape shape{2, 3, 5};
  BOOST_TEST(shape.rank() == 3);
  BOOST_TEST(shape[1] == 3);
  BOOST_TEST(shape.numel() == 30);
  BOOST_TEST(to_string(shape) == "[2,3,5]");
}

BOOST_AUTO_TEST_CASE(a_scalar_has_no_dimensions_and_one_element) {
  BOOST_TEST(Shape().rank() == 0);
  BOOST_TEST(Shape().numel() == 1);
  BOOST_TEST(to_string(Shape()) == "[]");
}

BOOST_AUTO_TEST_CASE(a_zero_size_means_no_elements) {
  BOOST_TEST(Shape({4, 0, 3}).numel() == 0);
}

BOOST_AUTO_TEST_CASE(row_major_strides_count_elements) {
  const auto strides = Shape({2, 3, 5}).row_major_strides();
  BOOST_TEST(strides[0] == 15);
  BOOST_TEST(strides[1] == 5);
  BOOST_TEST(strides[2] == 1);
}

BOOST_AUTO_TEST_CASE(with_replaces_one_dimension) {
  BOOST_TEST(Shape({2, 3, 5}).with(1, 7) == Shape({2, 7, 5}));
}

BOOST_AUTO_TEST_CASE(shapes_of_different_rank_differ) {
  BOOST_TEST(Shape({2, 3}) != Shape({2, 3, 1}));
  BOOST_TEST(Shape({1}) != Shape());
}

BOOST_AUTO_TEST_CASE(seven_dimensions_are_refused) {
  BOOST_CHECK_EXCEPTION((Shape{1, 1, 1, 1, 1, 1, 1}), ShapeError, (test::Says{{"7 dimensions", "at most 6"}}));
}

BOOST_AUTO_TEST_CASE(negative_sizes_are_refused_with_their_place) {
  BOOST_CHECK_EXCEPTION((Shape{2, -3}), ShapeError, (test::Says{{"dimension 1 is -3"}}));
}

BOOST_AUTO_TEST_CASE(products_that_overflow_are_refused) {
  const std::int64_t big = std::int64_t{1} << 31;
  BOOST_TEST(Shape({big, big}).numel() == std::int64_t{1} << 62);
  BOOST_CHECK_EXCEPTION((Shape{big, big, 2}), ShapeError, (test::Says{{"2^62", "dimension 2"}}));
  BOOST_CHECK_THROW((Shape{0, big, big, 2}), ShapeError);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
