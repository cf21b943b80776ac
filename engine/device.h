#pragma once
// Where a tensor lives. This build has the CPU backend; the name of any other device parses, and is refused with the
// reason when something asks for it.
#include <ostream>
#include <string_view>

namespace ockham {

struct Device {
  enum class Kind { kCpu, kCuda };
  Kind kind = Kind::kCpu;
  int index = 0;

  friend bool operator==(const Device&, const Device&) = default;
  /// "auto" (the best device this build and machine have), "cpu", "cuda" or "cuda:N".
  /// @throws UsageError for other text, DeviceError for a device that this build or machine lacks
  static Device parse(std::string_view text);
};

std::ostream& operator<<(std::ostream& out, Device device);

/// @throws DeviceError unless tensors can be placed on `device`
void require_available(Device device);

}  // namespace ockham
