#include "nas/bayes/evidence/rules.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"

namespace ockham::nas {
namespace {

/// lambda / hessian_scale: a factor on the curvature and gradient alike.
double temperature(const PosteriorOptions& options, const SwitchGates& gates) {
  return options.lambda(gates) / options.laplace.hessian_scale;
}

/// By an edge's own switch: all groups of the edge, its own included; by others: themselves.
std::vector<std::vector<std::size_t>> blocks_of(std::span<const SwitchGroup> groups) {
  std::vector<std::vector<std::size_t>> blocks(groups.size());
  for (std::size_t i = 0; i < groups.size(); ++i) {
    blocks[i].push_back(i);
    if (groups[i].gates.origin)
      blocks[*groups[i].gates.origin].push_back(i);
  }
  return blocks;
}

Verdict empty_verdict(std::size_t groups) {
  return {.variance = std::vector<double>(groups),
          .strength = std::vector<double>(groups),
          .block = std::vector<double>(groups),
          .uninformed = std::vector<std::int64_t>(groups),
          .is_redundant = std::vector<bool>(groups),
          .numbers = std::vector<double>(groups)};
}

/// Log evidence of an image that a group of variance v adds to the log likelihood at w, where that is taken to be
/// largest: of each switch log of the integral of exp(-H (x - w)^2 / 2 T) N(x; 0, v) over x, times T.
double laplace_evidence(const SwitchCurvature& curvature, std::size_t group, double v, double T) {
  double sum = 0.0;
  for (std::size_t copy = 0; copy < curvature.w[group].size(); ++copy) {
    const double w = curvature.w[group][copy], H = curvature.hessian[group][copy];
    if (H > 0.0 && std::isfinite(H))
      sum -= 0.5 * (H * w * w / (1.0 + v * H / T) + T * std::log1p(v * H / T));
  }
  return sum;
}

Verdict by_diagonal(std::span<const SwitchGroup> groups, const SwitchCurvature& curvature, int round,
                    const PosteriorOptions& options) {
  Verdict verdict = empty_verdict(groups.size());
  verdict.per_image = -curvature.loss;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (!is_judged(groups[i], round))
      continue;
    const GroupEvidence found = group_evidence(curvature.w[i], curvature.gradient[i], curvature.hessian[i],
                                               temperature(options, groups[i].gates));
    verdict.variance[i] = found.variance;
    verdict.strength[i] = found.strength;
    verdict.uninformed[i] = found.uninformed;
    verdict.evidence += found.strength;
    verdict.per_image += laplace_evidence(curvature, i, found.variance, temperature(options, groups[i].gates));
  }
  const auto blocks = blocks_of(groups);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    for (const std::size_t member : blocks[i])
      verdict.block[i] += verdict.strength[member];
  }
  return verdict;
}

/// Of all judged switches together.
class JointModel {
 public:
  JointModel(std::span<const SwitchGroup> groups, const SwitchCurvature& curvature, int round,
             const PosteriorOptions& options)
      : curvature_(curvature), temperature_(temperature(options, {})), members_(groups.size()) {
    if (options.lambda_child != options.lambda_origin)
      throw UsageError(concat("joint evidence: lambda is ", options.lambda_child, " and that of edges ",
                              options.lambda_origin,
                              "; all switches have one posterior, of one lambda: leave out --lambda-origin."));
    for (std::size_t i = 0; i < groups.size(); ++i) {
      const bool is_in = is_judged(groups[i], round);
      for (std::size_t copy = 0; copy < curvature.w[i].size(); ++copy) {
        if (is_in)
          members_[i].push_back(w_.size());
        w_.push_back(is_in ? curvature.w[i][copy] : 0.0);  // what was pruned is zero in the network
        gradient_.push_back(curvature.gradient[i][copy]);
      }
    }
  }

  JointEvidence evidence() const { return with(gradient_); }
  /// Log evidence of an image at these variances, where the likelihood is taken to be largest at w.
  double per_image(std::span<const double> variances) const {
    const JointEvidence at_mode = with(std::vector<double>(w_.size()));
    return -curvature_.loss - 0.5 * curve() + temperature_ * at_mode.at(variances);
  }

 private:
  JointEvidence with(const std::vector<double>& gradient) const {
    return {quadratic_likelihood(curvature_.matrix, w_, gradient, temperature_), members_};
  }
  /// w^T G w
  double curve() const {
    double sum = 0.0;
    for (std::size_t i = 0; i < w_.size(); ++i) {
      for (std::size_t j = 0; j < w_.size(); ++j)
        sum += w_[i] * curvature_.matrix[i * w_.size() + j] * w_[j];
    }
    return sum;
  }

  const SwitchCurvature& curvature_;
  double temperature_;
  std::vector<double> w_ = {}, gradient_ = {};
  std::vector<std::vector<std::size_t>> members_;
};

/// What a cell that takes a certain number of each choice is made by: options that discrete ascent takes before none
/// before the others of their choices; the strengths elsewhere.
std::vector<double> chosen_numbers(const JointEvidence& joint, const Verdict& verdict, const CellChoices& choices,
                                   double threshold) {
  std::vector<double> start = choices.taken(verdict.numbers);
  for (std::size_t i = 0; i < start.size(); ++i)
    start[i] *= verdict.variance[i];
  const JointEvidence::Selection selection = joint.choose(std::move(start), choices.single, threshold);
  std::vector<double> numbers = verdict.numbers;
  for (std::size_t c = 0; c < choices.single.size(); ++c) {
    for (const std::size_t option : choices.single[c].options)
      numbers[option] = option == selection.chosen[c] ? threshold + 1.0 : -1.0;  // none is at the threshold
  }
  return numbers;
}

/// How sure the posterior is of the groups' means apart from each other.
void correlate(const JointEvidence& joint, Verdict& verdict) {
  for (std::size_t i = 0; i < verdict.variance.size(); ++i) {
    if (verdict.variance[i] > 0.0)
      verdict.present.push_back(i);
  }
  verdict.correlation = joint.posterior_correlation(verdict.variance);
}

Verdict by_matrix(const JointEvidence& joint, std::span<const SwitchGroup> groups) {
  Verdict verdict = empty_verdict(groups.size());
  verdict.variance = joint.ascend().variances;
  verdict.evidence = joint.at(verdict.variance);
  const auto blocks = blocks_of(groups);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    // Rounding may make what is lost without a group that is worth next to nothing negative.
    const auto lost = [&](std::span<const std::size_t> block) {
      return std::max(0.0, joint.strength(verdict.variance, block));
    };
    if (verdict.variance[i] > 0.0)
      verdict.strength[i] = lost(std::vector{i});
    verdict.block[i] = blocks[i].size() > 1 ? lost(blocks[i]) : verdict.strength[i];
    verdict.uninformed[i] = joint.uninformed(i);
  }
  return verdict;
}

/// Redundant groups, and the numbers by which a space chooses.
void compare(Verdict& verdict, std::span<const SwitchGroup> groups, int round, double threshold) {
  const std::vector<double> worth = worth_of(groups, verdict);
  for (std::size_t i = 0; i < groups.size(); ++i)
    verdict.is_redundant[i] = is_judged(groups[i], round) && !(worth[i] > threshold);
  verdict.numbers = numbers_by_worth(groups, verdict, round, threshold);
}

}  // namespace

bool is_judged(const SwitchGroup& group, int round) {
  return group.is_switch() && (!group.is_pruned() || group.pruned_round >= round);
}

std::vector<double> numbers_by_worth(std::span<const SwitchGroup> groups, const Verdict& verdict, int round,
                                     double threshold) {
  std::vector<double> numbers = worth_of(groups, verdict);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (!is_judged(groups[i], round))
      numbers[i] = groups[i].is_switch() ? -1.0 : threshold;
  }
  return numbers;
}

std::vector<double> worth_of(std::span<const SwitchGroup> groups, const Verdict& verdict) {
  std::vector<double> result;
  for (std::size_t i = 0; i < groups.size(); ++i)
    result.push_back(groups[i].gates.is_origin ? verdict.block[i] : verdict.strength[i]);
  return result;
}

Verdict judge(std::span<const SwitchGroup> groups, const SwitchCurvature& curvature, int round,
              const PosteriorOptions& options, const RuleOptions& rule, const CellChoices* choices) {
  if (rule.rule == Rule::kEntropy)
    throw UsageError(
        "the entropy rule judges by the variances of the update, not by evidence; see redundant_by_entropy.");
  if (rule.rule == Rule::kEvidence) {
    Verdict verdict = by_diagonal(groups, curvature, round, options);
    compare(verdict, groups, round, rule.threshold);
    return verdict;
  }
  const JointModel model(groups, curvature, round, options);
  const JointEvidence joint = model.evidence();
  Verdict verdict = by_matrix(joint, groups);
  verdict.per_image = model.per_image(verdict.variance);
  compare(verdict, groups, round, rule.threshold);
  correlate(joint, verdict);
  if (choices != nullptr)
    verdict.numbers = chosen_numbers(joint, verdict, *choices, rule.threshold);
  return verdict;
}

}  // namespace ockham::nas
