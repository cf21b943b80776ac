#pragma once
// Random numbers of a step that is recorded once and run with other numbers (Context::moving).
#include "engine/random.h"
#include "engine/tensor.h"

namespace ockham {

/// A key whose step grows by stride times a number that lies in memory, on all devices.
struct MovingKey {
  RandomKey key;
  const double* number;  ///< null: it stays
  std::uint64_t stride;

  constexpr RandomKey now() const {
    RandomKey result = key;
    if (number != nullptr)
      result.step += stride * static_cast<std::uint64_t>(*number);
    return result;
  }
};

/// @param moving undefined, or float64 as it lies on the device `at`; where it is elsewhere, the key that it gives now
inline MovingKey moving_key(const RandomKey& key, const Tensor& moving, std::uint64_t stride, Device at) {
  if (!moving)
    return {key, nullptr, stride};
  if (moving.device() == at)
    return {key, moving.device_data<double>(), stride};
  const Tensor here = moving.to(Device{});
  return {MovingKey{key, here.data<double>(), stride}.now(), nullptr, stride};
}

}  // namespace ockham
