#pragma once
// Division by a number that the host knows, as a product and a shift: a fifth of what the hardware takes for one by a
// number that only the kernel sees. Granlund and Montgomery 1994, "Division by invariant integers using
// multiplication", figure 4.1.
#include <cuda_runtime.h>

#include <bit>
#include <cstdint>

namespace ockham::cuda {

/// n / d for 0 <= n < 2^31 and 1 <= d < 2^31.
class Divisor {
 public:
  Divisor() = default;
  explicit Divisor(std::int64_t d)
      : d_(static_cast<unsigned>(d)),
        shift_(std::bit_width(d_ - 1)),
        factor_(static_cast<unsigned>(((std::uint64_t{1} << shift_) - d_) * (std::uint64_t{1} << 32) / d_ + 1)) {}

  __host__ __device__ unsigned value() const { return d_; }
  __host__ __device__ unsigned divide(unsigned n) const {
    const auto high = static_cast<unsigned>((static_cast<std::uint64_t>(n) * factor_) >> 32);
    return (high + n) >> shift_;
  }

 private:
  unsigned d_ = 1;
  int shift_ = 0;
  unsigned factor_ = 1;
};

}  // namespace ockham::cuda
