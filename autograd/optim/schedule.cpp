#include "autograd/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace ockham {
namespace {

double one_cycle(const Schedule& s, double progress) {
  constexpr double kStart = 0.2;  // of s.initial
  if (progress < s.peak)
    return s.initial * (kStart + (1.0 - kStart) * progress / s.peak);
  return s.final + (s.initial - s.final) * (1.0 - std::min(progress, 1.0)) / (1.0 - s.peak);
}

}  // namespace

double Schedule::at(std::int64_t epoch, double fraction) const {
  if (kind == Kind::kOneCycle)
    return one_cycle(*this,
                     (static_cast<double>(epoch) + fraction) / static_cast<double>(std::max<std::int64_t>(1, epochs)));
  if (epoch < warmup_epochs)
    return initial * static_cast<double>(epoch + 1) / static_cast<double>(warmup_epochs);
  const auto e = static_cast<double>(epoch - warmup_epochs);
  const auto length = static_cast<double>(std::max<std::int64_t>(1, epochs - warmup_epochs));
  switch (kind) {
    case Kind::kConstant:
      return initial;
    case Kind::kCosine:
      return final + 0.5 * (initial - final) * (1.0 + std::cos(std::numbers::pi * std::min(e / length, 1.0)));
    case Kind::kLinear:
      return final + (initial - final) * (1.0 - std::min(e / length, 1.0));
    case Kind::kExponential:
      return initial * std::pow(factor, e);
    case Kind::kStep:
      return initial * std::pow(factor, std::floor(e / static_cast<double>(every)));
    case Kind::kOneCycle:
      break;
  }
  return initial;
}

}  // namespace ockham
