#include "nas/bayes/joint_evidence.h"

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "engine/error.h"

namespace ockham::nas {
namespace {

using Eigen::MatrixXd, Eigen::VectorXd;
using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Each sweep that is not the last gains something, but a bound keeps rounding from going on for ever.
constexpr int kMostSweeps = 1000;

/// Of the largest: in directions of less the data say nothing that is not rounding.
constexpr double kLeastCurvature = 1e-12;

Eigen::Map<const RowMajor> matrix_of(const QuadraticLikelihood& likelihood) {
  const auto K = std::ssize(likelihood.b);
  return {likelihood.S.data(), K, K};
}

Eigen::Map<const VectorXd> vector_of(const std::vector<double>& values) {
  return {values.data(), std::ssize(values)};
}

void require_finite(std::span<const double> values, const char* what) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i]))
      throw DivergedError(
          concat("joint evidence: entry ", i, " of the ", what, " is ", values[i], "; all must be finite."));
  }
}

}  // namespace

QuadraticLikelihood quadratic_likelihood(std::span<const double> matrix, std::span<const double> w,
                                         std::span<const double> g, double lambda) {
  const std::size_t K = w.size();
  if (matrix.size() != K * K || g.size() != K)
    throw UsageError(concat("joint evidence: a matrix of ", matrix.size(), " entries, ", K, " values and ", g.size(),
                            " gradients; K values go with K gradients and K^2 entries."));
  if (!(lambda > 0.0))
    throw UsageError(concat("joint evidence: lambda = ", lambda, "; it must be positive."));
  require_finite(matrix, "matrix");
  require_finite(w, "values");
  require_finite(g, "gradient");
  QuadraticLikelihood result;
  for (const double entry : matrix)
    result.S.push_back(entry / lambda);
  for (std::size_t i = 0; i < K; ++i) {
    double sum = -g[i];
    for (std::size_t j = 0; j < K; ++j)
      sum += matrix[i * K + j] * w[j];
    result.b.push_back(sum / lambda);
  }
  return result;
}

/// L L^T = I + V^1/2 S V^1/2 over the members present, whose eigenvalues are 1 at least, and y = L^-1 V^1/2 b.
struct JointEvidence::Factor {
  std::vector<std::size_t> present;
  VectorXd root;  // V^1/2
  Eigen::LLT<MatrixXd> llt;
  VectorXd y;
};

JointEvidence::JointEvidence(QuadraticLikelihood likelihood, std::vector<std::vector<std::size_t>> members)
    : likelihood_(std::move(likelihood)), members_(std::move(members)) {
  const std::size_t K = likelihood_.b.size();
  if (likelihood_.S.size() != K * K)
    throw UsageError(concat("joint evidence: a matrix of ", likelihood_.S.size(), " entries for ", K,
                            " switches; it needs ", K * K, "."));
  std::vector<bool> is_taken(K);
  for (const std::vector<std::size_t>& group : members_) {
    for (const std::size_t i : group) {
      if (i >= K || is_taken[i])
        throw UsageError(concat("joint evidence: place ", i, " of ", K, " is outside or in two groups."));
      is_taken[i] = true;
      largest_ = std::max(largest_, likelihood_.S[i * K + i]);
    }
  }
  for (std::vector<std::size_t>& group : members_)
    uninformed_.push_back(static_cast<std::int64_t>(
        std::erase_if(group, [&](std::size_t i) { return !(likelihood_.S[i * K + i] > kLeastCurvature * largest_); })));
}

JointEvidence::Factor JointEvidence::factor_of(std::span<const double> v, std::size_t without) const {
  Factor factor;
  std::vector<double> roots;
  for (std::size_t g = 0; g < members_.size(); ++g) {
    if (g == without || !(v[g] > 0.0))
      continue;
    factor.present.insert(factor.present.end(), members_[g].begin(), members_[g].end());
    roots.resize(factor.present.size(), std::sqrt(v[g]));
  }
  factor.root = vector_of(roots);
  const MatrixXd S = matrix_of(likelihood_)(factor.present, factor.present);
  MatrixXd B = factor.root.asDiagonal() * S * factor.root.asDiagonal();
  B.diagonal().array() += 1.0;
  factor.llt.compute(B);
  const VectorXd b = vector_of(likelihood_.b)(factor.present);
  factor.y = factor.llt.matrixL().solve(factor.root.cwiseProduct(b));
  return factor;
}

double JointEvidence::at(std::span<const double> v) const {
  const Factor factor = factor_of(v, kNone);
  const MatrixXd& L = factor.llt.matrixLLT();
  double log_determinant = 0.0;
  for (Eigen::Index i = 0; i < L.rows(); ++i)
    log_determinant += 2.0 * std::log(L(i, i));
  return 0.5 * (factor.y.squaredNorm() - log_determinant);
}

GroupEvidence JointEvidence::best(std::span<const double> v, std::size_t group) const {
  return best(factor_of(v, group), group);
}

GroupEvidence JointEvidence::best(const Factor& others, std::size_t group) const {
  const std::vector<std::size_t>& own = members_[group];
  if (own.empty())
    return {};
  const auto S = matrix_of(likelihood_);
  MatrixXd left = S(own, own);
  VectorXd b = vector_of(likelihood_.b)(own);
  if (!others.present.empty()) {
    const MatrixXd across = S(others.present, own);
    const MatrixXd X = others.llt.matrixL().solve(others.root.asDiagonal() * across);
    left -= X.transpose() * X;
    b -= X.transpose() * others.y;
  }
  const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(0.5 * (left + left.transpose()));
  const VectorXd along = eigen.eigenvectors().transpose() * b;
  std::vector<double> q, s;
  for (Eigen::Index i = 0; i < along.size(); ++i) {
    if (eigen.eigenvalues()[i] > kLeastCurvature * largest_) {
      s.push_back(eigen.eigenvalues()[i]);
      q.push_back(along[i]);
    }
  }
  return best_variance(q, s);
}

double JointEvidence::strength(std::span<const double> v, std::span<const std::size_t> block) const {
  std::vector<double> without(v.begin(), v.end());
  for (const std::size_t g : block)
    without[g] = 0.0;
  return at(v) - at(without);
}

JointEvidence::Ascent JointEvidence::ascend() const {
  Ascent result{.variances = std::vector<double>(members_.size())};
  for (int sweep = 0; sweep < kMostSweeps; ++sweep) {
    for (std::size_t g = 0; g < members_.size(); ++g)
      result.variances[g] = best(result.variances, g).variance;
    result.evidence.push_back(at(result.variances));
    const double now = result.evidence.back();
    if (sweep > 0 && now - result.evidence[static_cast<std::size_t>(sweep) - 1] < 1e-10 * std::max(1.0, now))
      break;
  }
  return result;
}

JointEvidence::Selection JointEvidence::choose(std::vector<double> start, std::span<const Choice> choices,
                                               double threshold) const {
  Selection result{.chosen = std::vector<std::size_t>(choices.size(), kNone), .variances = std::move(start)};
  bool is_changed = true;
  for (int sweep = 0; is_changed && sweep < kMostSweeps; ++sweep) {
    is_changed = sweep == 0;
    for (std::size_t c = 0; c < choices.size(); ++c) {
      for (const std::size_t option : choices[c].options)
        result.variances[option] = 0.0;
      const Factor others = factor_of(result.variances, kNone);
      std::size_t chosen = kNone;
      GroupEvidence most{.strength = choices[c].may_be_none ? threshold : -1.0};
      for (const std::size_t option : choices[c].options) {
        const GroupEvidence evidence = best(others, option);
        if (evidence.strength > most.strength) {
          most = evidence;
          chosen = option;
        }
      }
      if (chosen != kNone)
        result.variances[chosen] = most.variance;
      is_changed = is_changed || chosen != result.chosen[c];
      result.chosen[c] = chosen;
    }
  }
  result.evidence = at(result.variances);
  return result;
}

std::vector<double> JointEvidence::posterior_correlation(std::span<const double> v) const {
  // (S + V^-1)^-1 = V^1/2 (I + V^1/2 S V^1/2)^-1 V^1/2; a group has one v, so that the roots cancel in a correlation.
  const Factor factor = factor_of(v, kNone);
  std::vector<std::size_t> sizes;
  for (std::size_t g = 0; g < members_.size(); ++g) {
    if (v[g] > 0.0 && !members_[g].empty())
      sizes.push_back(members_[g].size());
  }
  const auto n = std::ssize(sizes);
  MatrixXd sums = MatrixXd::Zero(std::ssize(factor.present), n);  // of the members of each group
  Eigen::Index first = 0;
  for (Eigen::Index g = 0; g < n; ++g) {
    const auto size = static_cast<Eigen::Index>(sizes[static_cast<std::size_t>(g)]);
    sums.block(first, g, size, 1).setOnes();
    first += size;
  }
  const MatrixXd covariance = sums.transpose() * factor.llt.solve(sums);
  std::vector<double> result;
  for (Eigen::Index i = 0; i < n; ++i) {
    for (Eigen::Index j = 0; j < n; ++j) {
      const double both = covariance(std::min(i, j), std::max(i, j));
      result.push_back(i == j ? 1.0 : both / std::sqrt(covariance(i, i) * covariance(j, j)));
    }
  }
  return result;
}

}  // namespace ockham::nas
