// The limit of a device's memory.
#include "engine/device_memory.h"
#include "engine/math.h"
#include "engine/tensor.h"
#include "tests/cuda/device.h"

namespace ockham {
namespace {

/// While it lives the device gives `room` bytes more than are in use.
class Limited {
 public:
  explicit Limited(std::size_t room)
      : before_(set_memory_limit(test::kCuda, memory_statistics(test::kCuda).bytes_in_use + room)) {}
  ~Limited() { set_memory_limit(test::kCuda, before_); }
  Limited(const Limited&) = delete;
  Limited& operator=(const Limited&) = delete;

 private:
  std::size_t before_;
};

Tensor bytes_on_device(std::int64_t count) {
  return Tensor({count}, DType::kUInt8, test::kCuda);
}

BOOST_AUTO_TEST_SUITE(memory)

OCKHAM_CUDA_TEST(a_request_beyond_the_limit_is_refused_with_the_numbers) {
  const Limited limited(8192);
  const Tensor most = bytes_on_device(7680);
  BOOST_CHECK_EXCEPTION(bytes_on_device(768), UsageError,
                        (test::Says{{"768 bytes", "limit of", "--memory-limit", "--batch-size"}}));
  const Tensor rest = bytes_on_device(512);
}

OCKHAM_CUDA_TEST(what_is_given_back_serves_again_and_a_lifted_limit_refuses_nothing) {
  {
    const Limited limited(8192);
    for (int i = 0; i < 3; ++i)
      bytes_on_device(8192);
  }
  bytes_on_device(16384);
}

/// Eight tensors of which two are there at once.
void step() {
  for (int i = 0; i < 4; ++i) {
    const Tensor a = Tensor::zeros({1024}, DType::kFloat32, test::kCuda);
    const Tensor b = a.clone();
  }
}

OCKHAM_CUDA_TEST(a_recorded_step_uses_its_memory_again_rather_than_pass_the_limit) {
  Backend& backend = backend_of(test::kCuda);
  BOOST_TEST(backend.record(0, step)->bytes() == 8u * 4096u);
  const Limited limited(3 * 4096);
  const auto recorded = backend.record(0, step);
  BOOST_TEST(recorded->bytes() == 3u * 4096u);
  recorded->run();
}

OCKHAM_CUDA_TEST(what_a_recorded_step_keeps_counts) {
  const Limited limited(3 * 4096);
  auto recorded = backend_of(test::kCuda).record(0, step);
  BOOST_CHECK_EXCEPTION(bytes_on_device(256), UsageError, (test::Says{{"12288 kept for recorded steps"}}));
  recorded.reset();
  bytes_on_device(3 * 4096);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
