#pragma once
// A function of the engine or of an optimiser of which every device has its own version. The CPU's is the function
// itself; a backend registers the others when the program starts, so that nothing here names it:
//   inline constinit PerDevice<void(Tensor&, double)> fill_on{"fill"};              // declared once
//   const bool registered = fill_on.set(Device::Kind::kCuda, fill_elements);        // in a backend
//   if (!y.device().is_cpu()) return fill_on(y.device(), y, value);                 // where it is called
#include <string_view>
#include <utility>

#include "engine/device.h"
#include "engine/error.h"

namespace ockham {

template <class Signature>
class PerDevice;

template <class Result, class... Arguments>
class PerDevice<Result(Arguments...)> {
 public:
  using Function = Result (*)(Arguments...);

  explicit constexpr PerDevice(std::string_view name) : name_(name) {}
  PerDevice(const PerDevice&) = delete;
  PerDevice& operator=(const PerDevice&) = delete;

  bool set(Device::Kind kind, Function function) {
    functions_[static_cast<std::size_t>(kind)] = function;
    return true;
  }
  /// @throws DeviceError if the device has no version
  Result operator()(Device device, Arguments... arguments) const {
    const Function function = functions_[static_cast<std::size_t>(device.kind)];
    if (function == nullptr)
      throw DeviceError(concat(name_, ": ", device, " has no version of it in this build; use --device cpu."));
    return function(std::forward<Arguments>(arguments)...);
  }

 private:
  std::string_view name_;
  Function functions_[kDeviceKinds] = {};
};

}  // namespace ockham
