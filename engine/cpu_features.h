#pragma once
#include <string>

namespace ockham {

/// The instruction sets of this processor that matter for our kernels, e.g. "sse4.2 avx2 fma avx512f", to be recorded
/// with results; on other architectures their name.
std::string cpu_features();

}  // namespace ockham
