#include "engine/tensor.h"

#include <limits>

#include "engine/math.h"
#include "tests/engine/files.h"
#include "tests/support.h"

namespace ockham {
namespace {

using test::is_same;

/// 0, 1, 2, ... in float64.
Tensor counting(const Shape& shape) {
  Tensor x(shape, DType::kFloat64);
  for (std::int64_t i = 0; i < x.numel(); ++i)
    x.data<double>()[i] = static_cast<double>(i);
  return x;
}

BOOST_AUTO_TEST_SUITE(tensor)

BOOST_AUTO_TEST_CASE(copies_of_a_handle_share_memory_and_clones_do_not) {
  Tensor x = counting({2, 3});
  Tensor shared = x;
  Tensor own = x.clone();
  x.data<double>()[0] = 9.0;
  BOOST_TEST(shared.data<double>()[0] == 9.0);
  BOOST_TEST(own.data<double>()[0] == 0.0);
  BOOST_TEST(x.shares_storage_with(shared));
  BOOST_TEST(!x.shares_storage_with(own));
}

BOOST_AUTO_TEST_CASE(makers_fill_as_they_say) {
  BOOST_TEST(is_same(Tensor::zeros({2}, DType::kInt64), Tensor::from<std::int64_t>({0, 0}, {2})));
  BOOST_TEST(is_same(Tensor::full({2}, 1.5), Tensor::from({1.5f, 1.5f}, {2})));
  BOOST_TEST(Tensor::scalar(-3.0, DType::kFloat64).item() == -3.0);
}

BOOST_AUTO_TEST_CASE(an_undefined_tensor_says_so) {
  const Tensor x;
  BOOST_TEST(!x);
  BOOST_TEST(!x.shares_storage_with(Tensor()));
  BOOST_CHECK_EXCEPTION(x.data<float>(), Error, (test::Says{{"undefined"}}));
}

BOOST_AUTO_TEST_CASE(reading_as_another_type_is_refused_with_both) {
  BOOST_CHECK_EXCEPTION(Tensor({2, 3}).data<double>(), DTypeError, (test::Says{{"float32[2,3]", "float64"}}));
}

BOOST_AUTO_TEST_CASE(values_that_do_not_fill_the_shape_are_refused) {
  BOOST_CHECK_EXCEPTION(Tensor::from({1.0, 2.0, 3.0}, {2, 2}), ShapeError, (test::Says{{"3 values", "[2,2]"}}));
}

BOOST_AUTO_TEST_CASE(sizes_beyond_the_address_space_are_refused) {
  // 2^62 elements are a legal shape, but 2^65 bytes would wrap around to none.
  BOOST_CHECK_EXCEPTION(Tensor({std::int64_t{1} << 62}, DType::kFloat64), ShapeError,
                        (test::Says{{"float64", "addressed"}}));
}

BOOST_AUTO_TEST_CASE(item_needs_one_element) {
  BOOST_TEST(Tensor::from({BFloat16(2.5f)}, {1, 1}).item() == 2.5);
  BOOST_CHECK_EXCEPTION(Tensor({2}).item(), ShapeError, (test::Says{{"[2]"}}));
}

BOOST_AUTO_TEST_CASE(reshape_keeps_order_and_memory_and_fills_in_one_size) {
  const Tensor x = counting({2, 6});
  BOOST_TEST(x.reshape({3, -1}).shape() == Shape({3, 4}));
  BOOST_TEST(x.reshape({3, 4}).shares_storage_with(x));
  BOOST_TEST(x.reshape({3, 4}).slice(0, 1, 2).data<double>()[0] == 4.0);
}

BOOST_AUTO_TEST_CASE(reshape_refuses_other_element_counts_two_open_sizes_and_strided_views) {
  const Tensor x = counting({2, 6});
  BOOST_CHECK_EXCEPTION(x.reshape({5}), ShapeError, (test::Says{{"[2,6] with 12", "[5] with 5"}}));
  BOOST_CHECK_THROW(x.reshape({-1, 5}), ShapeError);
  BOOST_CHECK_THROW(x.reshape({-1, -1}), ShapeError);
  BOOST_CHECK_THROW(x.reshape({-1, std::int64_t{1} << 62, 4}), ShapeError);
  BOOST_CHECK_EXCEPTION(x.transpose(0, 1).reshape({12}), ShapeError, (test::Says{{"strided", "contiguous()"}}));
}

BOOST_AUTO_TEST_CASE(slices_are_views_that_may_be_strided) {
  const Tensor x = counting({3, 4});
  const Tensor rows = x.slice(0, 1, 3);
  const Tensor columns = x.slice(1, 1, 3);
  BOOST_TEST(rows.is_contiguous());
  BOOST_TEST(!columns.is_contiguous());
  BOOST_TEST(columns.shares_storage_with(x));
  BOOST_TEST(is_same(rows, Tensor::from({4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0}, {2, 4})));
  BOOST_TEST(is_same(columns, Tensor::from({1.0, 2.0, 5.0, 6.0, 9.0, 10.0}, {3, 2})));
  BOOST_TEST(is_same(columns.slice(0, 2, 3), Tensor::from({9.0, 10.0}, {1, 2})));
}

BOOST_AUTO_TEST_CASE(slices_outside_are_refused_with_the_range) {
  const Tensor x = counting({3, 4});
  BOOST_CHECK_EXCEPTION(x.slice(1, 2, 5), ShapeError, (test::Says{{"[2, 5)", "dimension 1", "[3,4]"}}));
  BOOST_CHECK_THROW(x.slice(0, 2, 1), ShapeError);
  BOOST_CHECK_THROW(x.slice(0, -1, 1), ShapeError);
  BOOST_CHECK_THROW(x.slice(2, 0, 1), ShapeError);
}

BOOST_AUTO_TEST_CASE(transposing_swaps_strides_and_copying_follows_them) {
  const Tensor x = counting({2, 1, 3});
  const Tensor t = x.transpose(0, 2);
  BOOST_TEST(t.shape() == Shape({3, 1, 2}));
  BOOST_TEST(t.stride(0) == 1);
  BOOST_TEST(t.shares_storage_with(x));
  BOOST_TEST(is_same(t.contiguous(), Tensor::from({0.0, 3.0, 1.0, 4.0, 2.0, 5.0}, {3, 1, 2})));
  BOOST_CHECK_THROW(x.transpose(0, 3), ShapeError);
}

BOOST_AUTO_TEST_CASE(expanding_repeats_without_memory) {
  const Tensor x = counting({2, 1});
  const Tensor wide = x.expand({2, 3});
  BOOST_TEST(wide.stride(1) == 0);
  BOOST_TEST(is_same(wide.contiguous(), Tensor::from({0.0, 0.0, 0.0, 1.0, 1.0, 1.0}, {2, 3})));
  BOOST_CHECK_EXCEPTION(x.expand({3, 3}), ShapeError, (test::Says{{"[2,1]", "[3,3]"}}));
}

BOOST_AUTO_TEST_CASE(contiguous_is_the_tensor_itself_when_it_can_be) {
  const Tensor x = counting({2, 3});
  BOOST_TEST(x.contiguous().shares_storage_with(x));
  BOOST_TEST(!x.transpose(0, 1).contiguous().shares_storage_with(x));
  // A dimension of size one has no say in the order of the elements.
  BOOST_TEST(counting({1, 3}).transpose(0, 1).is_contiguous());
}

BOOST_AUTO_TEST_CASE(conversion_gives_the_nearest_value) {
  const Tensor x = Tensor::from({2.5, -1.7, 300.0, std::numeric_limits<double>::quiet_NaN()}, {4});
  BOOST_TEST(x.to(DType::kFloat64).shares_storage_with(x));
  BOOST_TEST(is_same(x.to(DType::kInt64), Tensor::from<std::int64_t>({2, -2, 300, 0}, {4})));
  BOOST_TEST(is_same(x.to(DType::kUInt8), Tensor::from<std::uint8_t>({2, 0, 255, 0}, {4})));
  BOOST_TEST(Tensor::scalar(1e300, DType::kFloat64).to(DType::kInt64).data<std::int64_t>()[0] ==
             std::numeric_limits<std::int64_t>::max());
  BOOST_TEST(
      is_same(Tensor::from<std::int64_t>({-5, 256}, {2}).to(DType::kUInt8), Tensor::from<std::uint8_t>({0, 255}, {2})));
  BOOST_TEST(is_same(Tensor::from<std::uint8_t>({3, 255}, {2}).to(DType::kFloat32), Tensor::from({3.0f, 255.0f}, {2})));
  BOOST_TEST(Tensor::scalar(0x1.01p0).to(DType::kBFloat16).to(DType::kFloat32).item() == 1.0);
}

BOOST_AUTO_TEST_CASE(strided_views_convert_too) {
  const Tensor x = counting({2, 2}).transpose(0, 1);
  BOOST_TEST(is_same(x.to(DType::kFloat32), Tensor::from({0.0f, 2.0f, 1.0f, 3.0f}, {2, 2})));
}

BOOST_AUTO_TEST_CASE(the_last_handle_gives_the_memory_back) {
  Tensor x({2});
  BOOST_TEST(x.is_sole_owner());
  {
    const Tensor view = x.reshape({1, 2});
    BOOST_TEST(!x.is_sole_owner());
  }
  BOOST_TEST(x.is_sole_owner());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
