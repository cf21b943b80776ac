// labels: data
// The reference values of another framework in double precision, on every array that they have.
#include "nas/oracle/oracle.h"

#include "tests/real_data.h"

using namespace ockham;
using namespace ockham::nas;

namespace {

void check_all(DType dtype) {
  const std::filesystem::path folder = test::real_oracle();
  if (folder.empty())
    return test::skip("no oracle/micro-seed0.tar.xz in the shared folder");
  const OracleReport report = check_oracle(OracleFolder(folder), dtype);
  BOOST_TEST(report.unknown.empty());
  BOOST_TEST(report.checks.size() == 26u);  // 11 groups a mode, softmax/alpha, and 3 that need running statistics
  for (const OracleCheck& check : report.checks)
    BOOST_CHECK_MESSAGE(check.passed(), check.group << ": " << check.worst << " is off by " << check.error
                                                    << ", more than " << check.tolerance);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(oracle)

BOOST_AUTO_TEST_CASE(every_reference_array_agrees_in_float64) {
  check_all(DType::kFloat64);
}

BOOST_AUTO_TEST_CASE(every_reference_array_agrees_in_float32) {
  check_all(DType::kFloat32);
}

BOOST_AUTO_TEST_SUITE_END()
