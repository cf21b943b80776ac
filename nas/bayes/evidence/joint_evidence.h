#pragma once
// The evidence of all groups of switches together. Of two that do the same work the diagonal (evidence.h) keeps both or
// neither, since it asks of each whether it is needed beside the other; here each is asked in turn, the others as they
// stand. The log likelihood of the switches x is b^T x - x^T S x / 2 up to a constant; under priors N(0, v_g I) and
// with V = diag(v) over the members
//   evidence(v) = 1/2 [ b^T (S + V^-1)^-1 b - log det(I + S V) ]     against all groups absent.
// Tipping and Faul 2003, "Fast marginal likelihood maximisation for sparse Bayesian models", section 3, for groups.
#include <span>
#include <vector>

#include "nas/bayes/evidence/evidence.h"

namespace ockham::nas {

/// S = G / lambda and b = (G w - g) / lambda of a loss with gradient g and Gauss-Newton matrix G at w.
struct QuadraticLikelihood {
  std::vector<double> S = {};  ///< [K, K], row-major, symmetric, positive semi-definite up to rounding
  std::vector<double> b = {};  ///< [K], in the range of S, as it is where G w and g are made of the same rows
};
/// @throws UsageError if lambda is not positive or sizes disagree @throws DivergedError if a number is not finite
QuadraticLikelihood quadratic_likelihood(std::span<const double> matrix, std::span<const double> w,
                                         std::span<const double> g, double lambda);

class JointEvidence {
 public:
  /// @param members  by group, its places in b; each in one group at most, and those in none are absent. So are those
  /// whose curvature is 0 or less than 1e-12 of the largest: see uninformed().
  JointEvidence(QuadraticLikelihood likelihood, std::vector<std::vector<std::size_t>> members);

  std::size_t groups() const { return members_.size(); }
  /// Members of a group of which nothing is known.
  std::int64_t uninformed(std::size_t group) const { return uninformed_[group]; }

  /// evidence(v), by group; v = 0: absent.
  double at(std::span<const double> v) const;
  /// The variance of a group that is best beside the others as they are in v, whatever v says of it. Directions in
  /// which the data say nothing beside the others are left out.
  GroupEvidence best(std::span<const double> v, std::size_t group) const;
  /// Lost when all these groups are removed and the others keep their variances: at(v) - at(v without them).
  double strength(std::span<const double> v, std::span<const std::size_t> block) const;

  struct Ascent {
    std::vector<double> variances = {};  ///< by group
    std::vector<double> evidence = {};   ///< after each sweep: it never falls
  };
  /// best() of one group after the other from v = 0, until a sweep gains less than 1e-10 of the evidence.
  /// Cost: a Cholesky factor of the members present a group and sweep, some sweeps: less than a second for 200
  /// switches, 12 s (one thread at 2 GHz) for 784 in 112 groups if all of them are present.
  Ascent ascend() const;

  /// Groups of which a cell takes one, or, where it may, none.
  struct Choice {
    std::vector<std::size_t> options = {};
    bool may_be_none = false;
  };
  /// Discrete ascent: each choice in turn takes the option whose evidence is largest as the only one of it, the others
  /// as they stand; none, where that is allowed and no option is worth more than `threshold` nats; of equal ones the
  /// first. Until nothing changes.
  /// @param start  by group: variances of what is present at first; of each choice one option at most
  /// @return variances of what is present in the end. An option may be taken with variance 0: see `chosen`
  struct Selection {
    std::vector<std::size_t> chosen = {};  ///< by choice; kNone
    std::vector<double> variances = {};
    double evidence = 0.0;
  };
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  Selection choose(std::vector<double> start, std::span<const Choice> choices, double threshold) const;

  /// [n, n] of the n groups present, in their order: how the means of their members move together under the posterior
  /// N(., (S + V^-1)^-1). Near -1: one stands in for the other.
  std::vector<double> posterior_correlation(std::span<const double> v) const;

 private:
  struct Part;
  struct Factor;
  struct Present;
  Present present(std::span<const double> v) const;
  Part part_of(std::span<const std::size_t> members) const;
  Part left_by(const Present& others, const Factor& factor, const std::vector<std::size_t>& members) const;
  GroupEvidence best(const Present& others, const Factor& factor, std::size_t group) const;

  QuadraticLikelihood likelihood_;
  std::vector<std::vector<std::size_t>> members_;
  std::vector<std::int64_t> uninformed_ = {};
  double largest_ = 0.0;  // curvature
};

}  // namespace ockham::nas
