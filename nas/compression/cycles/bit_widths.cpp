#include "nas/compression/cycles/bit_widths.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "nas/compression/groups/group_loops.h"

namespace ockham::nas {
namespace {

constexpr int kMostBits = 32;

BitWidth width_of(std::size_t parameter, const Masks& masks, const Tensor& values, const Tensor& hessian,
                  double lambda) {
  double largest = 0.0, precision = 0.0;
  BitWidth width{.parameter = parameter, .weights = masks.kept_entries(parameter)};
  for (std::size_t i = 0; i < static_cast<std::size_t>(values.numel()); ++i) {
    if (!masks.is_kept(parameter, i))
      continue;
    largest = std::max(largest, std::abs(values.data<double>()[i]));
    precision += std::max(hessian.data<double>()[i], 0.0) / lambda;
  }
  if (precision == 0.0 || largest == 0.0)
    return width.bits = 1, width;
  width.step = std::sqrt(12.0 * static_cast<double>(width.weights) / precision);
  const double levels = std::floor(2.0 * largest / width.step) + 1.0;
  width.bits = std::clamp(static_cast<int>(std::ceil(std::log2(levels))), 1, kMostBits);
  return width;
}

}  // namespace

std::vector<BitWidth> bit_widths(const Masks& masks, std::span<const Tensor> hessian, double lambda) {
  if (!(lambda > 0.0))
    throw UsageError(concat("bit widths: lambda = ", lambda, "; it must be positive."));
  const std::vector<Tensor> values = doubles_of(masks.parameters());
  std::vector<BitWidth> widths;
  for (std::size_t p = 0; p < std::min(values.size(), hessian.size()); ++p) {
    if (hessian[p] && masks.kept_entries(p) > 0)
      widths.push_back(width_of(p, masks, values[p], hessian[p], lambda));
  }
  return widths;
}

double bytes_at(std::span<const BitWidth> widths, const Masks& masks) {
  double bits = static_cast<double>(kMostBits) * static_cast<double>(masks.kept_entries());
  for (const BitWidth& width : widths)
    bits -= static_cast<double>(kMostBits - width.bits) * static_cast<double>(width.weights);
  return bits / 8.0;
}

}  // namespace ockham::nas
