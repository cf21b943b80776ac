#pragma once
// Learning rates as functions of progress; nothing is carried from step to step.
#include <cstdint>

namespace ockham {

struct Schedule {
  enum class Kind { kConstant, kCosine, kExponential, kStep, kLinear, kOneCycle };
  Kind kind = Kind::kConstant;
  double initial = 0.1;
  double final = 0.0;              ///< kCosine, kLinear, kOneCycle: the value that the end would reach
  double factor = 0.97;            ///< kExponential: per epoch; kStep: per `every` epochs
  std::int64_t every = 30;         ///< kStep
  std::int64_t epochs = 1;         ///< length of cosine, line and cycle, warm-up included
  std::int64_t warmup_epochs = 0;  ///< linear from initial / warmup_epochs up to initial; kOneCycle has its own rise
  double peak = 0.25;              ///< kOneCycle: the part of the run after which the rate is `initial`

  /// The rate in `epoch` (from 0), of which `fraction` is over: that matters to kOneCycle alone, which moves at every
  /// step. kCosine: final + (initial - final) (1 + cos(pi e / E)) / 2 with e, E counted after the warm-up (Loshchilov
  /// and Hutter 2017, equation 5 without restarts). kLinear: final + (initial - final) (1 - e / E). kOneCycle: a line
  /// from initial / 5 up to `initial` at `peak`, and one down to `final` (Smith and Topin 2018, arXiv:1708.07120).
  double at(std::int64_t epoch, double fraction = 0.0) const;
};

}  // namespace ockham
