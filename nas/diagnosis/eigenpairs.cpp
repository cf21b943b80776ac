#include "nas/diagnosis/eigenpairs.h"

#include <Eigen/Eigenvalues>
#include <cmath>

#include "engine/error.h"

namespace ockham::nas {

std::vector<Eigenpair> largest_eigenpairs(std::span<const double> matrix, std::size_t count) {
  const auto K = static_cast<std::size_t>(std::llround(std::sqrt(static_cast<double>(matrix.size()))));
  if (K * K != matrix.size())
    throw UsageError(concat("eigenpairs: ", matrix.size(), " entries are no square matrix."));
  for (std::size_t i = 0; i < matrix.size(); ++i) {
    if (!std::isfinite(matrix[i]))
      throw DivergedError(concat("eigenpairs: entry ", i, " is ", matrix[i], "; all must be finite."));
  }
  const auto side = static_cast<Eigen::Index>(K);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solved(
      Eigen::Map<const Eigen::MatrixXd>(matrix.data(), side, side));
  std::vector<Eigenpair> result;
  for (Eigen::Index i = side - 1; i >= 0 && result.size() < count; --i) {
    Eigen::VectorXd vector = solved.eigenvectors().col(i);
    Eigen::Index largest = 0;
    vector.cwiseAbs().maxCoeff(&largest);
    if (vector[largest] < 0.0)
      vector = -vector;
    result.push_back({.value = solved.eigenvalues()[i], .vector = {vector.data(), vector.data() + side}});
  }
  return result;
}

}  // namespace ockham::nas
