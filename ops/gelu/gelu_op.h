#pragma once
#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "autograd/elementwise.h"

namespace ockham {

/// For ElementwiseOp, on all devices. float32 takes a series without branches or calls, so that loops become vectors:
/// std::erf would cost more than the convolutions beside it.
struct Gelu {
  static constexpr std::string_view kName = "gelu";
  template <class T>
  static constexpr T f(T x) {
    return x * distribution(x, density(x));
  }
  template <class T>
  static constexpr T df(T x) {
    const T phi = density(x);
    return distribution(x, phi) + x * phi;
  }
  template <class T>
  static constexpr T d2f(T x) {
    return density(x) * (T(2) - x * x);
  }

 private:
  static constexpr double kInverseRoot = std::numbers::inv_sqrtpi / std::numbers::sqrt2;

  /// exp(-x^2 / 2) / sqrt(2 pi)
  static constexpr double density(double x) { return kInverseRoot * std::exp(-0.5 * x * x); }
  static constexpr float density(float x) {
    // Beyond 13.1 it is below the smallest normal number; the bits of positive numbers have their order. (std::min
    // would take the constant by reference, which a GPU cannot.)
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(magnitude(x));
    const float size = std::bit_cast<float>(bits < kFarthest ? bits : kFarthest);
    return static_cast<float>(kInverseRoot) * exp_above(-0.5f * size * size);
  }

  /// Phi(x), given the density there.
  static constexpr double distribution(double x, double) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }
  /// Abramowitz and Stegun 1964, 26.2.17: |error| < 7.5e-8.
  static constexpr float distribution(float x, float phi) {
    const float t = 1.0f / (1.0f + 0.2316419f * magnitude(x));
    const float series =
        t * (0.319381530f + t * (-0.356563782f + t * (1.781477937f + t * (-1.821255978f + t * 1.330274429f))));
    const float half = 0.5f - phi * series;  // of what lies between 0 and x
    return 0.5f + std::bit_cast<float>(std::bit_cast<std::uint32_t>(half) ^ (std::bit_cast<std::uint32_t>(x) & kSign));
  }

  static constexpr std::uint32_t kSign = 0x80000000u;
  static constexpr std::uint32_t kFarthest = std::bit_cast<std::uint32_t>(13.1f);
  static constexpr float magnitude(float x) { return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & ~kSign); }

  /// exp(x) for -87 <= x <= 0, to 2e-7 of itself: 2^k times a polynomial.
  static constexpr float exp_above(float x) {
    constexpr float kShift = 12582912.0f;  // 1.5 * 2^23: adding it rounds to whole numbers
    const float shifted = x * std::numbers::log2e_v<float> + kShift;
    const float k = shifted - kShift;
    const float r = (x - k * 0.693359375f) + k * 2.12194440e-4f;  // ln 2 in two parts (Cody and Waite 1980)
    const float p =
        1.0f +
        r * (1.0f + r * (0.5f + r * (0.16666667f + r * (4.1666668e-2f + r * (8.3333338e-3f + r * 1.3888889e-3f)))));
    const std::uint32_t exponent = std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(kShift) + 127u;
    return p * std::bit_cast<float>(exponent << 23);
  }
};

}  // namespace ockham
