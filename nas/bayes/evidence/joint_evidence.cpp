#include "nas/bayes/evidence/joint_evidence.h"

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

/// S and b of some members.
struct JointEvidence::Part {
  MatrixXd S;
  VectorXd b;
};

/// L L^T = I + V^1/2 S V^1/2, whose eigenvalues are 1 at least, and y = L^-1 V^1/2 b.
struct JointEvidence::Factor {
  Factor(const Part& part, const VectorXd& root_of_v) : root(root_of_v) {
    MatrixXd B = root.asDiagonal() * part.S * root.asDiagonal();
    B.diagonal().array() += 1.0;
    llt.compute(B);
    y = llt.matrixL().solve(root.cwiseProduct(part.b));
  }
  double evidence() const {
    double log_determinant = 0.0;
    for (Eigen::Index i = 0; i < root.size(); ++i)
      log_determinant += 2.0 * std::log(llt.matrixLLT()(i, i));
    return 0.5 * (y.squaredNorm() - log_determinant);
  }

  VectorXd root;  // V^1/2
  Eigen::LLT<MatrixXd> llt;
  VectorXd y;
};

/// Those of some groups that have a variance.
struct JointEvidence::Present {
  std::vector<std::size_t> members;
  VectorXd root;
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

JointEvidence::Present JointEvidence::present(std::span<const double> v) const {
  Present result;
  std::vector<double> roots;
  for (std::size_t g = 0; g < members_.size(); ++g) {
    if (v[g] > 0.0)
      result.members.insert(result.members.end(), members_[g].begin(), members_[g].end());
    roots.resize(result.members.size(), std::sqrt(v[g]));
  }
  result.root = vector_of(roots);
  return result;
}

JointEvidence::Part JointEvidence::part_of(std::span<const std::size_t> members) const {
  const std::vector<std::size_t> at(members.begin(), members.end());
  return {.S = matrix_of(likelihood_)(at, at), .b = vector_of(likelihood_.b)(at)};
}

/// What others leave of S and b: S' = S - S_o A S_o^T, b' = b - S_o A b_o, A = (S_oo + V_o^-1)^-1.
JointEvidence::Part JointEvidence::left_by(const Present& others, const Factor& factor,
                                           const std::vector<std::size_t>& members) const {
  Part part = part_of(members);
  if (others.members.empty())
    return part;
  const MatrixXd across = matrix_of(likelihood_)(others.members, members);
  const MatrixXd X = factor.llt.matrixL().solve(factor.root.asDiagonal() * across);
  part.S -= X.transpose() * X;
  part.b -= X.transpose() * factor.y;
  return part;
}

double JointEvidence::at(std::span<const double> v) const {
  const Present all = present(v);
  return Factor(part_of(all.members), all.root).evidence();
}

GroupEvidence JointEvidence::best(std::span<const double> v, std::size_t group) const {
  std::vector<double> without(v.begin(), v.end());
  without[group] = 0.0;
  const Present others = present(without);
  return best(others, Factor(part_of(others.members), others.root), group);
}

GroupEvidence JointEvidence::best(const Present& others, const Factor& factor, std::size_t group) const {
  if (members_[group].empty())
    return {};
  const Part left = left_by(others, factor, members_[group]);
  const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(0.5 * (left.S + left.S.transpose()));
  const VectorXd along = eigen.eigenvectors().transpose() * left.b;
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
  // Of what the others leave, in place of a difference of two evidences, in which the digits of weak groups would
  // drown.
  std::vector<double> without(v.begin(), v.end()), own(v.size());
  for (const std::size_t g : block) {
    own[g] = v[g];
    without[g] = 0.0;
  }
  const Present others = present(without), of_block = present(own);
  const Factor factor(part_of(others.members), others.root);
  return Factor(left_by(others, factor, of_block.members), of_block.root).evidence();
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
      const Present others = present(result.variances);
      const Factor factor(part_of(others.members), others.root);
      std::size_t chosen = kNone;
      GroupEvidence most{.strength = choices[c].may_be_none ? threshold : -1.0};
      for (const std::size_t option : choices[c].options) {
        const GroupEvidence evidence = best(others, factor, option);
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
  const Present all = present(v);
  const Factor factor(part_of(all.members), all.root);
  std::vector<std::size_t> sizes;
  for (std::size_t g = 0; g < members_.size(); ++g) {
    if (v[g] > 0.0 && !members_[g].empty())
      sizes.push_back(members_[g].size());
  }
  const auto n = std::ssize(sizes);
  MatrixXd sums = MatrixXd::Zero(std::ssize(all.members), n);  // of the members of each group
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
