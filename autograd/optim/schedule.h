#pragma once
// Learning rates as functions of progress; nothing is carried from step to step.
#include <cstdint>

namespace ockham {

struct Schedule {
  enum class Kind { kConstant, kCosine, kExponential, kStep };
  Kind kind = Kind::kConstant;
  double initial = 0.1;
  double final = 0.0;              ///< kCosine: the value that the last epoch would reach
  double factor = 0.97;            ///< kExponential: per epoch; kStep: per `every` epochs
  std::int64_t every = 30;         ///< kStep
  std::int64_t epochs = 1;         ///< length of the cosine, warm-up included
  std::int64_t warmup_epochs = 0;  ///< linear from initial / warmup_epochs up to initial

  /// The rate in `epoch` (from 0). kCosine: final + (initial - final) (1 + cos(pi e / E)) / 2 with e, E counted after
  /// the warm-up. Loshchilov and Hutter 2017, equation 5 without restarts.
  double at(std::int64_t epoch) const;
};

}  // namespace ockham
