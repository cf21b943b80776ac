// labels: slow data cuda-emu
// Exact second derivatives on a device, against the reference values of another framework.
#include "nas/oracle/oracle.h"

#include "tests/cuda/device.h"
#include "tests/real_data.h"

namespace ockham {
namespace {

BOOST_AUTO_TEST_SUITE(oracle)

OCKHAM_CUDA_TEST(every_reference_array_agrees_in_float64) {
  const std::filesystem::path folder = test::real_oracle();
  if (folder.empty())
    return test::skip("no oracle/micro-seed0.tar.xz in the shared folder");
  const nas::OracleReport report = nas::check_oracle(nas::OracleFolder(folder), DType::kFloat64, {}, test::kCuda);
  BOOST_TEST(report.checks.size() == 26u);
  for (const nas::OracleCheck& check : report.checks)
    BOOST_CHECK_MESSAGE(check.passed(), check.group << ": " << check.worst << " is off by " << check.error
                                                    << ", more than " << check.tolerance);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
