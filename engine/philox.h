#pragma once
// Counter-based random numbers: value number `index` of a stream is a function of (seed, purpose, step, index) and
// nothing else, so it is the same at any thread count, on any device and after a resume. Nothing holds hidden state.
// Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
// All of it is constexpr, so that kernels of other devices run the same code.
#include <array>
#include <cstdint>

namespace ockham {

/// What a stream of random numbers is for; part of its address, so that two uses never share numbers.
enum class Purpose : std::uint32_t { kInit = 1, kDropout, kDropPath, kSplit, kShuffle, kArchitecture, kProbe, kTest };

/// The address of a stream. `step` tells apart repeats of one purpose (training step, layer, parameter).
struct RandomKey {
  std::uint64_t seed = 0;
  Purpose purpose = Purpose::kTest;
  std::uint64_t step = 0;
};

/// Ten rounds of Philox4x32.
constexpr std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

/// The 128 bits at an address; `draw` tells apart those that one index uses up.
constexpr std::array<std::uint32_t, 4> random_block(const RandomKey& key, std::uint64_t index, std::uint32_t draw) {
  // The counter holds index (64 bits), draw (8), purpose (8) and the low part of step; its high part joins the seed.
  const std::uint64_t mixed = key.seed ^ (key.step >> 16) * 0x9E3779B97F4A7C15u;
  return philox(
      {static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32),
       (draw << 24) | (static_cast<std::uint32_t>(key.purpose) << 16) | static_cast<std::uint32_t>(key.step & 0xffffu),
       static_cast<std::uint32_t>(key.step >> 16)},
      {static_cast<std::uint32_t>(mixed), static_cast<std::uint32_t>(mixed >> 32)});
}

constexpr std::uint64_t joined(std::uint32_t low, std::uint32_t high) {
  return low | static_cast<std::uint64_t>(high) << 32;
}

/// The upper 53 of 64 bits as a number in [0, 1).
constexpr double unit_interval(std::uint64_t bits) {
  return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

/// 64 random bits.
constexpr std::uint64_t random_bits(const RandomKey& key, std::uint64_t index) {
  const auto b = random_block(key, index, 0);
  return joined(b[0], b[1]);
}

/// In [0, 1), 53 bits.
constexpr double uniform(const RandomKey& key, std::uint64_t index) {
  return unit_interval(random_bits(key, index));
}

}  // namespace ockham
