#include "ops/linear/linear.h"

#include <algorithm>

#include "engine/random.h"
#include "ops/add_bias/add_bias.h"
#include "ops/conv2d/conv2d.h"
#include "tests/support.h"

BOOST_AUTO_TEST_SUITE(linear)
using namespace ockham;

namespace {

Tensor noise(const Shape& shape, std::uint64_t stream) {
  Tensor t(shape, DType::kFloat64);
  fill_normal(t, {.seed = 5, .purpose = Purpose::kTest, .step = stream});
  return t;
}

}  // namespace

BOOST_AUTO_TEST_CASE(linear_is_a_1x1_convolution_of_1x1_maps) {
  const Tensor x = noise({7, 19}, 1), w = noise({5, 19}, 2);
  const Tensor y = ockham::linear(x, w).value();
  const Tensor maps = ockham::conv2d(x.reshape({7, 19, 1, 1}), w.reshape({5, 19, 1, 1})).value();
  for (std::int64_t i = 0; i < y.numel(); ++i)
    BOOST_TEST(y.data<double>()[i] == maps.data<double>()[i], boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(a_bias_is_the_weight_of_an_input_that_is_one) {
  const Tensor x = noise({6, 4}, 1), w = noise({3, 4}, 2), b = noise({3}, 3);
  Tensor longer_x = Tensor::full({6, 5}, 1.0, DType::kFloat64), longer_w(Shape{3, 5}, DType::kFloat64);
  for (std::int64_t n = 0; n < 6; ++n)
    std::copy_n(x.data<double>() + 4 * n, 4, longer_x.data<double>() + 5 * n);
  for (std::int64_t o = 0; o < 3; ++o) {
    std::copy_n(w.data<double>() + 4 * o, 4, longer_w.data<double>() + 5 * o);
    longer_w.data<double>()[5 * o + 4] = b.data<double>()[o];
  }
  const Tensor y = add_bias(ockham::linear(x, w), b).value();
  const Tensor want = ockham::linear(longer_x, longer_w).value();
  for (std::int64_t i = 0; i < y.numel(); ++i)
    BOOST_TEST(y.data<double>()[i] == want.data<double>()[i], boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(a_sample_has_the_same_bits_in_a_batch_of_any_size) {
  for (const DType dtype : {DType::kFloat32, DType::kFloat64}) {
    for (const std::int64_t features : {3, 64, 600}) {
      const Tensor x = noise({50, features}, 1).to(dtype), w = noise({10, features}, 2).to(dtype);
      const Tensor whole = ockham::linear(x, w).value().to(DType::kFloat64);
      for (const std::int64_t size : {1, 2, 7, 49}) {
        for (std::int64_t n = 0; n + size <= 50; n += size) {
          const Tensor part = ockham::linear(x.slice(0, n, n + size), w).value().to(DType::kFloat64);
          BOOST_TEST(std::equal(part.data<double>(), part.data<double>() + part.numel(), whole.data<double>() + n * 10),
                     features << " features, " << size << " samples from " << n);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
