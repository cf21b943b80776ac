#include "autograd/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace ockham {

double Schedule::at(std::int64_t epoch) const {
  if (epoch < warmup_epochs)
    return initial * static_cast<double>(epoch + 1) / static_cast<double>(warmup_epochs);
  const auto e = static_cast<double>(epoch - warmup_epochs);
  switch (kind) {
    case Kind::kConstant:
      return initial;
    case Kind::kCosine: {
      const auto length = static_cast<double>(std::max<std::int64_t>(1, epochs - warmup_epochs));
      return final + 0.5 * (initial - final) * (1.0 + std::cos(std::numbers::pi * std::min(e / length, 1.0)));
    }
    case Kind::kExponential:
      return initial * std::pow(factor, e);
    case Kind::kStep:
      return initial * std::pow(factor, std::floor(e / static_cast<double>(every)));
  }
  return initial;
}

}  // namespace ockham
