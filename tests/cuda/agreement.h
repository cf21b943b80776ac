#pragma once
// A sample of an op on the device against the CPU, as claims of a test.
#include "autograd/gradcheck/device.h"
#include "tests/cuda/device.h"

namespace ockham::test {

/// @param who names the sample's op in messages
inline void check_agreement(const OpSample& sample, CheckFormat format, std::string_view who) {
  for (const CheckResult& result : check_on_device(sample, format, kCuda))
    BOOST_CHECK_MESSAGE(result.passed(), who << ", " << result.check << ": error " << result.error
                                             << " passes the tolerance " << result.tolerance);
}

}  // namespace ockham::test
