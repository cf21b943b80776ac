#pragma once
// The Gauss-Newton matrix of all switches of a checkpoint: as a file, and what it says, in words and numbers.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "autograd/gauss_newton.h"

namespace ockham::apps {

struct SwitchMatrix {
  std::vector<std::string> names = {};  ///< of entries
  GaussNewtonMatrix measured = {};
  std::vector<double> w = {}, gradient = {};  ///< of the entries
};

/// Of all entries of the parameters. @throws Error where the matrix cannot be had exactly as declared, with the remedy
SwitchMatrix measure_matrix(const Variable& loss, const std::vector<Parameter*>& parameters,
                            const HessianOptions& options);

/// NAME.npy: numpy's format, float64 [K, K]; else CSV with the names of the columns in its first line.
void write_matrix(const SwitchMatrix& matrix, const std::string& path);

/// Prints the largest eigenvalues with the switches that their vectors are mostly made of, and the strongest switches,
/// each judged by itself and all together at this lambda.
/// @return the same for summary.json
nlohmann::ordered_json print_matrix(const SwitchMatrix& matrix, double lambda, std::int64_t shown);

}  // namespace ockham::apps
