// Every pass of every registered op on the device, against the CPU's. OCKHAM_OP=conv2d takes that op alone.
#include "autograd/device_passes.h"
#include "tests/cuda/agreement.h"

namespace ockham {
namespace {

void check_ops(CheckFormat format) {
  const char* const wanted = std::getenv("OCKHAM_OP");
  for (const OpCase& op_case : OpRegistry::instance().cases()) {
    if (wanted != nullptr && op_case.name != wanted)
      continue;
    for (const OpSample& sample : op_case.samples)
      test::check_agreement(sample, format, op_case.name);
  }
}

BOOST_AUTO_TEST_SUITE(ops)

OCKHAM_CUDA_TEST(passes_in_float64_are_those_of_the_cpu) {
  check_ops(CheckFormat::kFloat64);
}

OCKHAM_CUDA_TEST(passes_in_float32_are_those_of_the_cpu) {
  check_ops(CheckFormat::kFloat32);
}

OCKHAM_CUDA_TEST(passes_over_bfloat16_maps_are_those_of_the_cpu) {
  check_ops(CheckFormat::kBFloat16);
}

OCKHAM_CUDA_TEST(every_op_has_kernels_of_its_own) {
  for (const OpCase& op_case : OpRegistry::instance().cases())
    BOOST_CHECK_MESSAGE(runs_on_device(op_case, test::kCuda), op_case.name << " runs on the host");
}

OCKHAM_CUDA_TEST(cotangents_stay_scaled_where_they_do_on_the_cpu) {
  int leaving = 0, taking = 0;
  for (const OpCase& op_case : OpRegistry::instance().cases()) {
    for (const OpSample& sample : op_case.samples) {
      const std::unique_ptr<Op> op = sample.make();
      taking += takes_scaled(*op, {}) ? 1 : 0;
      BOOST_TEST(takes_scaled(*op, test::kCuda) == takes_scaled(*op, {}), op_case.name);
      for (std::size_t i = 0; i < sample.inputs.size(); ++i) {
        leaving += leaves_scaled(*op, i, {}) ? 1 : 0;
        BOOST_TEST(leaves_scaled(*op, i, test::kCuda) == leaves_scaled(*op, i, {}), op_case.name);
      }
    }
  }
  BOOST_TEST(leaving > 0);
  BOOST_TEST(taking > 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
