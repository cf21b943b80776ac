#pragma once
// What the host did for another device that has no passes of its own for it (device_passes.h).
#include <cstdint>

namespace ockham {

/// Passes since the process began.
std::int64_t passes_on_host();

}  // namespace ockham
