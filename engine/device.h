#pragma once
// Where a tensor lives. The CPU is always there; what another kind of device can do, its backend registers when the
// program starts (backend.h). The name of any device parses, and is refused with the reason when something asks for it.
#include <cstddef>
#include <ostream>
#include <string_view>

namespace ockham {

struct Device {
  enum class Kind { kCpu, kCuda };
  Kind kind = Kind::kCpu;
  int index = 0;

  friend bool operator==(const Device&, const Device&) = default;
  bool is_cpu() const { return kind == Kind::kCpu; }
  /// "auto" (the best device this build and machine have), "cpu", "cuda" or "cuda:N".
  /// @throws UsageError for other text, DeviceError for a device that this build or machine lacks
  static Device parse(std::string_view text);
};
inline constexpr std::size_t kDeviceKinds = 2;

std::ostream& operator<<(std::ostream& out, Device device);

/// @throws DeviceError unless tensors can be placed on `device`
void require_available(Device device);

}  // namespace ockham
