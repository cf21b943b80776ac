#include "engine/shape.h"

namespace ockham {

Shape::Shape(std::span<const std::int64_t> sizes) : rank_(static_cast<int>(sizes.size())) {
  if (sizes.size() > kMaxRank)
    throw ShapeError(concat("shape: ", sizes.size(), " dimensions, but a tensor has at most ", kMaxRank, "."));
  std::int64_t product = 1;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] < 0)
      throw ShapeError(concat("shape: dimension ", i, " is ", sizes[i], "; sizes must not be negative."));
    if (sizes[i] > 0 && product > (std::int64_t{1} << 62) / sizes[i])
      throw ShapeError(concat("shape: the product of the sizes passes 2^62 at dimension ", i, " (", sizes[i], ")."));
    product *= std::max<std::int64_t>(sizes[i], 1);
    sizes_[i] = sizes[i];
  }
}

std::int64_t Shape::numel() const {
  std::int64_t product = 1;
  for (std::int64_t size : sizes())
    product *= size;
  return product;
}

std::array<std::int64_t, Shape::kMaxRank> Shape::row_major_strides() const {
  std::array<std::int64_t, kMaxRank> strides{};
  std::int64_t step = 1;
  for (int dim = rank_ - 1; dim >= 0; --dim) {
    strides[static_cast<std::size_t>(dim)] = step;
    step *= (*this)[dim];
  }
  return strides;
}

Shape Shape::with(int dim, std::int64_t size) const {
  std::array<std::int64_t, kMaxRank> sizes = sizes_;
  sizes[static_cast<std::size_t>(dim)] = size;
  return Shape(std::span<const std::int64_t>(sizes.data(), static_cast<std::size_t>(rank_)));
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  out << '[';
  for (int dim = 0; dim < shape.rank(); ++dim)
    out << (dim ? "," : "") << shape[dim];
  return out << ']';
}

std::string to_string(const Shape& shape) {
  return concat(shape);
}

}  // namespace ockham
