// What a file of tensors gives back to a network.
#include "nas/saved/saved_network.h"

#include "tests/engine/files.h"
#include "tests/support.h"

namespace ockham::nas {
namespace {

using test::Says;

}  // namespace

BOOST_AUTO_TEST_SUITE(saved_network)

BOOST_AUTO_TEST_CASE(a_network_gets_the_tensors_of_its_names_in_its_own_types) {
  Parameter a{.name = "a", .value = Tensor::from({1.0f, 2.0f}, {2})};
  Parameter b{.name = "b", .value = Tensor::from({3.0f}, {1})};
  const std::map<std::string, Tensor> saved{{"a", a.value}, {"b", b.value}};
  Parameter wide{.name = "a", .value = Tensor::zeros({2}, DType::kFloat64)},
      other{.name = "b", .value = Tensor::zeros({1})};
  restore({&wide, &other}, saved);
  BOOST_TEST(test::is_same(wide.value, Tensor::from({1.0, 2.0}, {2})));
  BOOST_TEST(test::is_same(other.value, b.value));
  other.value.span<float>()[0] = 7.0f;
  BOOST_TEST(b.value.span<float>()[0] == 3.0f);
  Parameter missing{.name = "c", .value = Tensor::zeros({1})}, larger{.name = "b", .value = Tensor::zeros({2})};
  BOOST_CHECK_EXCEPTION(restore({&missing}, saved), CheckpointError, (Says{{"lacks c", "another network"}}));
  BOOST_CHECK_EXCEPTION(restore({&larger}, saved), CheckpointError, (Says{{"b has shape [1]", "[2]"}}));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham::nas
