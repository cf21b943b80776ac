#include "engine/dtype.h"

#include "tests/support.h"

namespace ockham {
namespace {

BOOST_AUTO_TEST_SUITE(dtype)

BOOST_AUTO_TEST_CASE(visiting_gives_the_type_whose_dtype_and_size_it_is) {
  for (DType dtype : {DType::kFloat32, DType::kFloat64, DType::kBFloat16, DType::kInt64, DType::kUInt8}) {
    visit_dtype(dtype, [&]<class T>() {
      BOOST_TEST(kDTypeOf<T> == dtype);
      BOOST_TEST(sizeof(T) == size_of(dtype));
    });
  }
}

BOOST_AUTO_TEST_CASE(names_are_those_of_numpy) {
  BOOST_TEST(concat(DType::kFloat32, " ", DType::kFloat64, " ", DType::kBFloat16, " ", DType::kInt64, " ",
                    DType::kUInt8) == "float32 float64 bfloat16 int64 uint8");
}

BOOST_AUTO_TEST_CASE(only_float32_and_float64_compute) {
  BOOST_TEST(is_compute_type(DType::kFloat32));
  BOOST_TEST(is_compute_type(DType::kFloat64));
  for (DType dtype : {DType::kBFloat16, DType::kInt64, DType::kUInt8})
    BOOST_TEST(!is_compute_type(dtype));
}

BOOST_AUTO_TEST_CASE(visit_float_refuses_other_types_naming_the_caller) {
  BOOST_CHECK_EXCEPTION(visit_float(DType::kInt64, "conv2d", []<class T>() {}), DTypeError,
                        (test::Says{{"conv2d", "int64", "Tensor::to"}}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
