#include "engine/device.h"

#include "engine/error.h"
#include "engine/tensor.h"
#include "tests/support.h"

namespace ockham {
namespace {

BOOST_AUTO_TEST_SUITE(device)

BOOST_AUTO_TEST_CASE(cpu_and_auto_are_the_processor) {
  BOOST_TEST(concat(Device::parse("cpu")) == "cpu");
  BOOST_TEST((Device::parse("auto") == Device{}));
}

BOOST_AUTO_TEST_CASE(cuda_is_refused_with_the_way_to_build_it) {
  for (std::string_view name : {"cuda", "cuda:0", "cuda:12"})
    BOOST_CHECK_EXCEPTION(Device::parse(name), DeviceError,
                          (test::Says{{"cuda:", "-DOCKHAM_CUDA=ON", "--device cpu"}}));
}

BOOST_AUTO_TEST_CASE(other_names_are_usage_errors_that_list_the_right_ones) {
  for (std::string_view name :
       {"", "gpu", "CPU", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "cuda0", "cuda:99999999999999999999"})
    BOOST_CHECK_EXCEPTION(Device::parse(name), UsageError, (test::Says{{"cpu, cuda or cuda:N"}}));
}

BOOST_AUTO_TEST_CASE(tensors_cannot_be_placed_on_a_missing_device) {
  const Device cuda{.kind = Device::Kind::kCuda, .index = 0};
  BOOST_CHECK_THROW(Tensor({2}, DType::kFloat32, cuda), DeviceError);
  BOOST_CHECK_THROW(Tensor({2}).to(cuda), DeviceError);
  BOOST_TEST((Tensor({2}).device() == Device{}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
