#include "nas/proxies/kernel_scores.h"

#include <Eigen/Dense>
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>
#include <string_view>

namespace ockham::nas::proxies {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Matrix matrix_of(std::span<const double> values, std::int64_t rows) {
  return Eigen::Map<const Matrix>(values.data(), rows, static_cast<std::int64_t>(values.size()) / rows);
}

/// Ascending.
Eigen::VectorXd eigenvalues(const Matrix& symmetric) {
  return Eigen::SelfAdjointEigenSolver<Matrix>(symmetric, Eigen::EigenvaluesOnly).eigenvalues();
}

}  // namespace

double log_determinant(std::span<const double> K, std::int64_t n) {
  const Eigen::FullPivLU<Matrix> factors(matrix_of(K, n));
  if (!factors.isInvertible())
    return -std::numeric_limits<double>::infinity();
  return factors.matrixLU().diagonal().array().abs().log().sum();
}

void add_agreements(std::span<const char> codes, std::int64_t n, std::span<double> K) {
  const std::int64_t units = static_cast<std::int64_t>(codes.size()) / std::max<std::int64_t>(1, n);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = i; j < n; ++j) {
      std::int64_t agreements = 0;
      for (std::int64_t u = 0; u < units; ++u)
        agreements += codes[static_cast<std::size_t>(i * units + u)] == codes[static_cast<std::size_t>(j * units + u)];
      K[static_cast<std::size_t>(i * n + j)] += static_cast<double>(agreements);
      if (i != j)
        K[static_cast<std::size_t>(j * n + i)] += static_cast<double>(agreements);
    }
  }
}

std::int64_t count_regions(std::span<const char> patterns, std::int64_t n) {
  const std::size_t units = patterns.size() / static_cast<std::size_t>(std::max<std::int64_t>(1, n));
  std::set<std::string_view> distinct;
  for (std::int64_t i = 0; i < n; ++i)
    distinct.insert({patterns.data() + static_cast<std::size_t>(i) * units, units});
  return std::ssize(distinct);
}

double correlation_score(std::span<const double> J, std::int64_t n) {
  constexpr double k = 1e-5;
  Matrix rows = matrix_of(J, n);
  rows.colwise() -= rows.rowwise().mean();
  rows.rowwise().normalize();
  double score = 0.0;
  for (const double v : eigenvalues(rows * rows.transpose()))
    score -= std::log(v + k) + 1.0 / (v + k);
  return score;
}

double condition_number(std::span<const double> G, std::int64_t n) {
  constexpr double kNoNumber = 1e5;
  const Matrix rows = matrix_of(G, n);
  const Eigen::VectorXd values = eigenvalues(rows * rows.transpose());
  const double kappa = values[n - 1] / values[0];
  return std::isfinite(kappa) ? kappa : kNoNumber;
}

void add_gram(std::span<const double> R, std::int64_t n, std::span<double> M) {
  if (R.empty())
    return;
  const Eigen::Map<const Matrix> rows(R.data(), static_cast<std::int64_t>(R.size()) / n, n);
  Eigen::Map<Matrix>(M.data(), n, n).noalias() += rows.transpose() * rows;
}

double decile_entropy(std::vector<double> values) {
  if (values.empty())
    return 0.0;
  std::ranges::sort(values);
  constexpr int kDeciles = 9;
  std::array<double, kDeciles> deciles{};
  double sum = 0.0;
  for (int i = 0; i < kDeciles; ++i) {
    const double place = 0.1 * (i + 1) * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const double above = values[std::min(below + 1, values.size() - 1)];
    const double decile = std::lerp(values[below], above, place - static_cast<double>(below));
    sum += deciles[static_cast<std::size_t>(i)] = std::max(0.0, decile);
  }
  double entropy = 0.0;
  for (const double decile : deciles)
    entropy -= decile > 0.0 ? decile / sum * std::log(decile / sum) : 0.0;
  return entropy;
}

double spectrum_entropy(std::span<const double> M, std::int64_t n) {
  if (n == 0)
    return 0.0;
  const Eigen::VectorXd values = eigenvalues(matrix_of(M, n));
  return decile_entropy({values.begin(), values.end()});
}

}  // namespace ockham::nas::proxies
