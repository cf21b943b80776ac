#pragma once
// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as
// 1, 2, 3", SC 2011). A number depends on its address only, so order and threads cannot change it. This layer keeps
// its own copy because it includes nothing of the engine.
#include <array>
#include <cstdint>

namespace ockham::data {

using PhiloxCounter = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

/// Ten rounds of Philox4x32: four random words for a counter under a key.
[[nodiscard]] inline PhiloxCounter philox(PhiloxCounter counter, PhiloxKey key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

/// What numbers are drawn for. Streams of different purposes never overlap.
enum class Purpose : std::uint32_t {
  kSplit = 1,
  kEpochOrder,
  kAugment,
  kShapesTrain,
  kShapesTest,
  kColour,
  kCrop,
  kFlip
};

/// The random words at one address (seed, purpose, step, index): copies and repeats give the same words again.
class Stream {
 public:
  Stream(std::uint64_t seed, Purpose purpose, std::uint32_t step, std::uint32_t index)
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
        counter_{0, static_cast<std::uint32_t>(purpose), step, index} {}

  /// The next 32 random bits.
  std::uint32_t next() {
    if (used_ == 4) {
      words_ = philox(counter_, key_);
      ++counter_[0];
      used_ = 0;
    }
    return words_[used_++];
  }

  /// Uniform in [0, n), n >= 1, without bias (Lemire, "Fast Random Integer Generation in an Interval", 2019).
  std::uint32_t below(std::uint32_t n) {
    std::uint64_t product = std::uint64_t{next()} * n;
    if (static_cast<std::uint32_t>(product) < n) {
      const std::uint32_t threshold = (0u - n) % n;
      while (static_cast<std::uint32_t>(product) < threshold)
        product = std::uint64_t{next()} * n;
    }
    return static_cast<std::uint32_t>(product >> 32);
  }

  /// Uniform in [low, high], both ends included.
  int between(int low, int high) { return low + static_cast<int>(below(static_cast<std::uint32_t>(high - low + 1))); }

 private:
  PhiloxKey key_;
  PhiloxCounter counter_;
  PhiloxCounter words_{};
  std::uint32_t used_ = 4;
};

}  // namespace ockham::data
