#include "engine/device.h"

#include <charconv>

#include "engine/error.h"

namespace ockham {

Device Device::parse(std::string_view text) {
  if (text == "auto" || text == "cpu")
    return Device{};
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
  if (device.kind == Device::Kind::kCuda)
    throw DeviceError(concat("device: ", device,
                             " was asked for, but this program was built without CUDA; use --device cpu, or a version "
                             "with the CUDA backend configured with -DOCKHAM_CUDA=ON."));
}

}  // namespace ockham
