#include "autograd/hessian_check.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/module.h"
#include "engine/math.h"

namespace ockham {
namespace {

constexpr double kSettled = 1e-7;  ///< of the largest entry: no smaller step is needed

}  // namespace

HessianCheck check_hessian(const std::function<Variable(Tape&)>& build_loss, std::span<Parameter* const> parameters,
                           std::span<const Tensor> exact, std::int64_t entries, std::uint64_t seed) {
  const std::int64_t total = count_elements(parameters);
  double largest = 0.0;
  for (const Tensor& diagonal : exact)
    largest = std::max(largest, max_abs(diagonal));
  HessianCheck result;
  result.entries = std::min(entries, total);
  for (std::int64_t i = 0; i < result.entries; ++i) {
    std::int64_t at = static_cast<std::int64_t>(
        random_below({seed, Purpose::kProbe}, static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(total)));
    std::size_t p = 0;
    for (; at >= parameters[p]->value.numel(); ++p)
      at -= parameters[p]->value.numel();
    const double value = exact[p].data<double>()[at];
    double error = std::numeric_limits<double>::infinity();
    for (double step = 1e-5; step > 5e-9 && !(error <= kSettled * largest); step *= 0.1)
      error = std::min(error, std::abs(hessian_by_difference(build_loss, *parameters[p], at, step) - value));
    result.worst = std::max(result.worst, largest > 0.0 ? error / largest : error);
  }
  return result;
}

}  // namespace ockham
