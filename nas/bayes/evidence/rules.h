#pragma once
// Which groups of switches stay, by what a round measured of them. Every rule is a pure function of that: with another
// lambda it can be asked again, and nothing is measured anew.
//   entropy         the published rule: the variance behind its gate has positive differential entropy (entropy.h)
//   evidence        a group's strength is above a threshold (evidence.h, the diagonal: each beside all others)
//   joint-evidence  the same of all groups together (joint_evidence.h, the Gauss-Newton matrix)
// By evidence an edge stays where all of it together, its own switch and its operations, is worth more than the
// threshold, and an operation where it alone is.
#include <functional>
#include <span>
#include <vector>

#include "nas/bayes/entropy.h"
#include "nas/bayes/evidence/joint_evidence.h"
#include "nas/bayes/posterior.h"

namespace ockham::nas {

enum class Rule { kEntropy, kEvidence, kJointEvidence };

struct RuleOptions {
  Rule rule = Rule::kEntropy;
  double threshold = 0.0;             ///< of rules of evidence, in nats; 3 are strong evidence on the usual scale
  double variance = kPruneThreshold;  ///< of the entropy rule, which prunes up to it
};

/// Of the loss without any penalty at all switches, from one set of images: by group, a number a copy.
struct SwitchCurvature {
  double loss = 0.0;
  std::vector<std::vector<double>> w = {}, gradient = {}, hessian = {};
  std::vector<double> matrix = {};  ///< Gauss-Newton, [K, K] of the K copies of all groups in order; empty: unmeasured
};

/// Where a cell takes a certain number of options of every choice, what is to know of it.
struct CellChoices {
  std::vector<JointEvidence::Choice> single = {};  ///< the choices of which it takes one
  /// 1 for what the cell of the largest numbers takes, else 0, by group.
  std::function<std::vector<double>(std::span<const double> numbers)> taken = {};
};

/// By group; 0 and false for what is no switch or was pruned before.
struct Verdict {
  std::vector<double> variance = {};          ///< v*
  std::vector<double> strength = {};          ///< nats lost without the group
  std::vector<double> block = {};             ///< of an edge's own switch: nats lost without the whole edge
  std::vector<std::int64_t> uninformed = {};  ///< members of which nothing is known
  std::vector<bool> is_redundant = {};
  double evidence = 0.0;  ///< of all groups together, against none
  /// Log evidence of the images by Laplace's approximation at w, in nats an image: minus the loss, less what priors of
  /// the variances above and the width of the minimum cost (MacKay 1992, "Bayesian interpolation"). The
  /// gradient left at w is not in it. Unlike `evidence` it compares networks, on the same images.
  double per_image = 0.0;
  std::vector<double> numbers = {};       ///< by which a space makes its cell: larger is better
  std::vector<std::size_t> present = {};  ///< joint only: the groups of `correlation`
  std::vector<double> correlation = {};   ///< joint only: [n, n], of the means of their switches in the posterior

  bool operator==(const Verdict&) const = default;
};

/// By group what the rule compares with the threshold: strengths, and of edges' own switches those of the whole edge.
std::vector<double> worth_of(std::span<const SwitchGroup> groups, const Verdict& verdict);

/// By group what a space makes its cell of where nothing was chosen by discrete ascent: worth_of(), none of a choice
/// (no switch of its own) at the threshold, what was pruned before behind all.
std::vector<double> numbers_by_worth(std::span<const SwitchGroup> groups, const Verdict& verdict, int round,
                                     double threshold);

/// Is a group judged in this round? Not what is no switch or was pruned by an earlier one.
bool is_judged(const SwitchGroup& group, int round);

/// By a rule of evidence.
/// @param round   groups that an earlier one pruned are left out
/// @param choices  of spaces whose cells take a certain number of options, where the joint rule then chooses by
/// discrete
///   ascent; null for others
/// @throws UsageError for the entropy rule, which needs none of this; without the matrix where the rule is joint; for a
/// joint rule with two lambdas: one posterior has one temperature @throws DivergedError if a number is not finite
Verdict judge(std::span<const SwitchGroup> groups, const SwitchCurvature& curvature, int round,
              const PosteriorOptions& options, const RuleOptions& rule, const CellChoices* choices = nullptr);

}  // namespace ockham::nas
