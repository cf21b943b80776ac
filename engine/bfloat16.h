#pragma once
// bfloat16 as a storage type: load, compute in float, round to nearest even on store. Conversions are constexpr, so
// that kernels of other devices run the same code.
#include <bit>
#include <cstdint>

namespace ockham {

struct BFloat16 {
  std::uint16_t bits = 0;

  BFloat16() = default;
  constexpr explicit BFloat16(float value) {
    const auto u = std::bit_cast<std::uint32_t>(value);
    const bool is_nan = (u & 0x7fffffffu) > 0x7f800000u;
    // Adding half of the dropped part, minus one where the kept part is even, rounds ties to even; a NaN must stay one.
    bits = static_cast<std::uint16_t>(is_nan ? (u >> 16) | 0x40u : (u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
  }
  constexpr explicit operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }
};

/// n elements one by one, by vectors; the ranges must not overlap.
void convert(std::int64_t n, const float* from, BFloat16* to);
void convert(std::int64_t n, const BFloat16* from, float* to);

}  // namespace ockham
