#pragma once
// Which plane or row an element lies in. For .cu files.
#include <algorithm>
#include <cstdint>

#include "engine/cuda/divisor.h"
#include "engine/error.h"

namespace ockham::cuda {

/// Elements in units of one size (planes, rows). A block divides 64 bits once, for its first element, and 32 for the
/// others.
class Units {
 public:
  struct Place {
    std::int64_t unit;
    std::uint32_t within;  ///< the unit
  };

  Units() = default;
  /// @throws Error for a unit of 2^30 elements or more
  explicit Units(std::int64_t size) : size_(std::max<std::int64_t>(1, size)), by_size_(size_) {
    if (size >= std::int64_t{1} << 30)
      throw Error(concat("cuda: ", size,
                         " elements are to be one unit of a kernel, which has fewer than 2^30; "
                         "split the batch."));
  }

  constexpr std::int64_t size() const { return size_; }
  __device__ Place at(std::int64_t element) const {
    return {element / size_, static_cast<std::uint32_t>(element % size_)};
  }
  /// `distance` elements further, fewer than 2^30.
  __device__ Place after(const Place& place, std::uint32_t distance) const {
    const std::uint32_t within = place.within + distance;
    const std::uint32_t passed = by_size_.divide(within);
    return {place.unit + passed, within - passed * static_cast<std::uint32_t>(size_)};
  }

 private:
  std::int64_t size_ = 1;
  Divisor by_size_;
};

}  // namespace ockham::cuda
