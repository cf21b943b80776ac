#pragma once
// The checks of gradcheck.h by kind; each appends its results.
#include <limits>

#include "autograd/gradcheck/gradcheck.h"
#include "autograd/gradcheck/point.h"

namespace ockham::gradcheck {

using Results = std::vector<CheckResult>;

/// The error where a claim does not hold at all.
inline constexpr double kWrong = std::numeric_limits<double>::infinity();

/// What a sample showed that not every sample can.
struct Witness {
  bool couples = false;       ///< one sample's row moved another's
  bool shares_loops = false;  ///< a parallel loop had several chunks
};

void check_passes(const Subject& subject, Results& results);
void check_premises(const Subject& subject, Results& results, Witness& witness);
void check_diagonals(const Subject& subject, Results& results);
void check_threads(const Subject& subject, Results& results, Witness& witness);

}  // namespace ockham::gradcheck
