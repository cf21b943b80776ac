#include "engine/device.h"

#include <array>
#include <charconv>
#include <utility>

#include "engine/backend.h"
#include "engine/error.h"

namespace ockham {
namespace {

/// Filled while the program starts, and so reached through a function.
std::array<std::unique_ptr<Backend>, kDeviceKinds>& backends() {
  static std::array<std::unique_ptr<Backend>, kDeviceKinds> all;
  return all;
}

Backend* backend_or_null(Device device) {
  return backends()[static_cast<std::size_t>(device.kind)].get();
}

/// Why tensors cannot be placed on it; empty if they can.
std::string obstacle_of(Device device) {
  if (device.is_cpu())
    return {};
  Backend* const backend = backend_or_null(device);
  if (backend == nullptr)
    return "this program was built without CUDA; use --device cpu, or a version configured with -DOCKHAM_CUDA=ON.";
  return backend->obstacle(device.index);
}

}  // namespace

std::unique_ptr<Backend> register_backend(Device::Kind kind, std::unique_ptr<Backend> backend) {
  return std::exchange(backends()[static_cast<std::size_t>(kind)], std::move(backend));
}

Backend& backend_of(Device device) {
  require_available(device);
  return *backend_or_null(device);
}

void wait_for(Device device) {
  if (!device.is_cpu())
    backend_of(device).synchronize(device.index);
}

MathModeScope::MathModeScope(Device device, MathMode mode) : device_(device) {
  if (!device_.is_cpu())
    backend_of(device_).set_math_mode(device_.index, mode);
}

MathModeScope::~MathModeScope() {
  if (!device_.is_cpu())
    backend_of(device_).set_math_mode(device_.index, MathMode::kFp32);
}

Device Device::parse(std::string_view text) {
  if (text == "cpu")
    return Device{};
  if (text == "auto") {
    constexpr Device kCuda{.kind = Kind::kCuda};
    return obstacle_of(kCuda).empty() ? kCuda : Device{};
  }
  constexpr std::string_view kCudaName = "cuda";
  if (text.substr(0, kCudaName.size()) == kCudaName) {
    Device device{.kind = Kind::kCuda};
    std::string_view rest = text.substr(kCudaName.size());
    bool is_valid = rest.empty();
    if (rest.size() > 1 && rest.front() == ':') {
      rest.remove_prefix(1);
      const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), device.index);
      is_valid = error == std::errc() && end == rest.data() + rest.size() && device.index >= 0;
    }
    if (is_valid) {
      require_available(device);
      return device;
    }
  }
  throw UsageError(concat("device: '", text, "' is unknown; write auto, cpu, cuda or cuda:N."));
}

std::ostream& operator<<(std::ostream& out, Device device) {
  if (device.kind == Device::Kind::kCpu)
    return out << "cpu";
  return out << "cuda:" << device.index;
}

void require_available(Device device) {
  if (const std::string obstacle = obstacle_of(device); !obstacle.empty())
    throw DeviceError(concat("device: ", device, " was asked for, but ", obstacle));
}

}  // namespace ockham
