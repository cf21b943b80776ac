#pragma once
// The extent of a tensor: up to six dimensions, inline.
#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <span>
#include <string>

#include "engine/error.h"

namespace ockham {

class Shape {
 public:
  static constexpr int kMaxRank = 6;

  Shape() = default;
  /// @throws ShapeError for more than six dimensions, a negative size, or a product beyond 2^62
  Shape(std::initializer_list<std::int64_t> sizes) : Shape(std::span(sizes.begin(), sizes.size())) {}
  explicit Shape(std::span<const std::int64_t> sizes);

  int rank() const { return rank_; }
  std::int64_t operator[](int dim) const { return sizes_[static_cast<std::size_t>(dim)]; }
  std::int64_t numel() const;
  std::span<const std::int64_t> sizes() const { return {sizes_.data(), static_cast<std::size_t>(rank_)}; }
  /// Elements from one step of `dim` to the next when stored row-major.
  std::array<std::int64_t, kMaxRank> row_major_strides() const;
  /// This shape with dimension `dim` replaced.
  Shape with(int dim, std::int64_t size) const;
  friend bool operator==(const Shape& a, const Shape& b) { return std::ranges::equal(a.sizes(), b.sizes()); }

 private:
  std::array<std::int64_t, kMaxRank> sizes_{};
  int rank_ = 0;
};

/// "[8,3,32,32]"; a scalar prints as "[]".
std::ostream& operator<<(std::ostream& out, const Shape& shape);
std::string to_string(const Shape& shape);

}  // namespace ockham
