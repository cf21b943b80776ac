#pragma once
// Compares every array of a reference folder with what this engine computes.
#include <functional>
#include <string>
#include <vector>

#include "nas/oracle/oracle_folder.h"

namespace ockham::nas {

/// Arrays of one kind, computed in one way.
struct OracleCheck {
  std::string group;  ///< "eval/hess_diag_alpha by R"
  std::size_t arrays = 0;
  double error = 0.0;  ///< the worst over the arrays: largest difference over largest reference entry
  double tolerance = 0.0;
  std::string worst;                                  ///< the array with this error
  bool passed() const { return error <= tolerance; }  // false for NaN
};

/// The arrays of a folder that nothing here computes.
struct OracleReport {
  std::vector<OracleCheck> checks;
  std::vector<std::string> unknown;
};

/// Runs the network in `dtype` with running and with batch statistics. Tolerances: values and gradients 1e-11, Hessian
/// entries 1e-10 in float64; 1e-4 and 1e-3 in float32. Cost: the full Hessian over P switches takes P (P - 1) / 2
/// tangent sweeps.
/// @param progress called with what is computed next
/// @param device where to compute
/// @throws CheckpointError for a damaged folder
OracleReport check_oracle(const OracleFolder& folder, DType dtype,
                          const std::function<void(const std::string&)>& progress = {}, Device device = {});

}  // namespace ockham::nas
