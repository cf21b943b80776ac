#pragma once
// Registers wider than the type of an instruction: loads, stores and conversions take them. A value is extended as its
// type says, and cut when it is read.
#include "tests/cudaemu/ptx/warp.h"

namespace emu::ptx {

template <class T>
using Lanes = std::array<T, kLanes>;

/// The values of a register of so many bytes as T; `cut` holds them where the register is wider.
template <class T>
[[gnu::noinline]] const T* read_flexible(const Warp& warp, Operand operand, unsigned bytes, Lanes<T>& cut) {
  if (bytes == sizeof(T))
    return warp.at<T>(operand);
  const auto copy = [&]<class Wide>(const Wide* from) {
    for (unsigned lane = 0; lane < kLanes; ++lane)
      cut[lane] = static_cast<T>(from[lane]);
  };
  if (bytes == 2)
    copy(warp.at<std::uint16_t>(operand));
  else if (bytes == 4)
    copy(warp.at<std::uint32_t>(operand));
  else
    copy(warp.at<std::uint64_t>(operand));
  return cut.data();
}

template <class T>
[[gnu::noinline]] void write_flexible(const Warp& warp, Operand operand, unsigned bytes, const Lanes<T>& values,
                                      Mask lanes) {
  const auto copy = [&]<class Wide>(Wide* to) {
    for_lanes(lanes, [to, from = values.data()](int lane) { to[lane] = static_cast<Wide>(from[lane]); });
  };
  if constexpr (std::is_floating_point_v<T>) {
    copy(warp.at<T>(operand));
  } else {
    if (bytes == 2)
      copy(warp.at<std::uint16_t>(operand));
    else if (bytes == 4)
      copy(warp.at<std::uint32_t>(operand));
    else
      copy(warp.at<std::uint64_t>(operand));
  }
}

}  // namespace emu::ptx
