#pragma once
// Numbers of one element type as another. constexpr, so that kernels of other devices run the same code.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "engine/bfloat16.h"

namespace ockham {

/// To the nearest value that To has; beyond an integer's range to its end, NaN to 0.
template <class To, class From>
constexpr To converted(From value) {
  if constexpr (std::is_same_v<To, From>) {
    return value;
  } else if constexpr (std::is_same_v<From, BFloat16>) {
    return converted<To>(static_cast<float>(value));
  } else if constexpr (std::is_same_v<To, BFloat16>) {
    return BFloat16(static_cast<float>(value));
  } else if constexpr (std::is_integral_v<To>) {
    using Limits = std::numeric_limits<To>;
    if constexpr (std::is_integral_v<From>) {
      return static_cast<To>(std::clamp<std::int64_t>(value, Limits::min(), Limits::max()));
    } else {
      // max() + 1 is a power of two, which doubles hold exactly; max() of int64 is not.
      const double nearest = std::nearbyint(static_cast<double>(value));
      if (nearest != nearest)
        return 0;
      if (nearest <= static_cast<double>(Limits::min()))
        return Limits::min();
      return nearest >= 2.0 * static_cast<double>(Limits::max() / 2 + 1) ? Limits::max() : static_cast<To>(nearest);
    }
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace ockham
