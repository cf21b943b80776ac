// CUDA on the CPU: bfloat16, the upper half of a float. Arithmetic rounds once to nearest even, as the device's does.
#pragma once
#include <vector_types.h>

#include <bit>
#include <cmath>
#include <cstdint>

struct __nv_bfloat16_raw {
  unsigned short x;
};

struct __nv_bfloat16 {
  unsigned short __x;
  __nv_bfloat16() = default;
  constexpr __nv_bfloat16(__nv_bfloat16_raw raw) : __x(raw.x) {}
  __nv_bfloat16(float value);
  __nv_bfloat16(double value) : __nv_bfloat16(static_cast<float>(value)) {}
  __nv_bfloat16(int value) : __nv_bfloat16(static_cast<float>(value)) {}
  operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(__x) << 16); }
  operator __nv_bfloat16_raw() const { return {__x}; }
};
using nv_bfloat16 = __nv_bfloat16;

struct alignas(4) __nv_bfloat162 {
  __nv_bfloat16 x, y;
};
using nv_bfloat162 = __nv_bfloat162;

namespace emu {

/// To nearest even; every NaN becomes 0x7fff, as on the device.
inline unsigned short bfloat16_bits(float value) {
  if (std::isnan(value))
    return 0x7fff;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<unsigned short>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

}  // namespace emu

inline __nv_bfloat16::__nv_bfloat16(float value) : __x(emu::bfloat16_bits(value)) {}

inline __nv_bfloat16 __float2bfloat16(float value) {
  return {value};
}
inline __nv_bfloat16 __float2bfloat16_rn(float value) {
  return {value};
}
inline __nv_bfloat16 __double2bfloat16(double value) {
  return {value};
}
inline float __bfloat162float(__nv_bfloat16 value) {
  return value;
}
inline unsigned short __bfloat16_as_ushort(__nv_bfloat16 value) {
  return value.__x;
}
inline __nv_bfloat16 __ushort_as_bfloat16(unsigned short bits) {
  return __nv_bfloat16_raw{bits};
}
inline __nv_bfloat162 __floats2bfloat162_rn(float x, float y) {
  return {x, y};
}
inline __nv_bfloat162 __halves2bfloat162(__nv_bfloat16 x, __nv_bfloat16 y) {
  return {x, y};
}
inline float __low2float(__nv_bfloat162 pair) {
  return pair.x;
}
inline float __high2float(__nv_bfloat162 pair) {
  return pair.y;
}
inline float2 __bfloat1622float2(__nv_bfloat162 pair) {
  return {pair.x, pair.y};
}
inline __nv_bfloat162 __float22bfloat162_rn(float2 pair) {
  return {pair.x, pair.y};
}

#define EMU_BFLOAT16_OPERATOR(SIGN)                                         \
  inline __nv_bfloat16 operator SIGN(__nv_bfloat16 a, __nv_bfloat16 b) {    \
    return __nv_bfloat16(static_cast<float>(a) SIGN static_cast<float>(b)); \
  }
EMU_BFLOAT16_OPERATOR(+)
EMU_BFLOAT16_OPERATOR(-)
EMU_BFLOAT16_OPERATOR(*)
EMU_BFLOAT16_OPERATOR(/)
#undef EMU_BFLOAT16_OPERATOR
