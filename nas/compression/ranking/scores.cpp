#include "nas/compression/ranking/scores.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "nas/bayes/evidence/evidence.h"
#include "nas/compression/groups/group_loops.h"
#include "nas/train/parameter_vectors.h"

namespace ockham::nas {
namespace {

// In the order of Criterion.
constexpr std::array<std::string_view, 5> kCriterionNames{"magnitude", "group-lasso", "obd", "evidence", "published"};

/// Values and derivatives as plain arrays.
struct Arrays {
  std::vector<Tensor> values;
  const WeightDerivatives& derivatives;

  double w(std::size_t p, std::size_t i) const { return values[p].data<double>()[i]; }
  double H(std::size_t p, std::size_t i) const { return derivatives.hessian[p].data<double>()[i]; }
};

void require_derivatives(Criterion criterion, const GroupFamily& family, const std::vector<Parameter*>& parameters,
                         const WeightDerivatives& derivatives) {
  const std::vector<Tensor>& hessian = derivatives.hessian;
  const auto is_lacking = [&](std::size_t p) {
    return p >= hessian.size() || !hessian[p] ||
           hessian[p].spec() != Spec{parameters[p]->value.shape(), DType::kFloat64};
  };
  for (const GroupSeries& series : family.series()) {
    for (const WeightRun& run : series.runs) {
      if (is_lacking(run.parameter))
        throw UsageError(concat("ranking by ", name_of(criterion), " needs second derivatives by ",
                                parameters[run.parameter]->name, ", which were not measured."));
    }
  }
}

std::vector<double> damages(const GroupFamily& family, const Masks& masks, const Arrays& arrays) {
  std::vector<double> scores(family.size());
  for_each_member(family, [&](std::size_t p, std::size_t i, std::size_t g) {
    const double w = arrays.w(p, i);
    if (masks.is_kept(p, i))
      scores[g] += 0.5 * arrays.H(p, i) * w * w;
  });
  return scores;
}

/// What the evidence sees of the members of one group.
struct Members {
  std::vector<double> w, H;
};

double evidence_of(const Members& m, double lambda) {
  const std::vector<double> no_gradient(m.w.size());
  const double strength = group_evidence(m.w, no_gradient, m.H, lambda).strength;
  if (strength > 0.0)
    return strength;
  double q2 = 0.0, s = 0.0;
  for (std::size_t i = 0; i < m.w.size(); ++i) {
    if (m.H[i] > 0.0) {
      const double q = m.H[i] * m.w[i] / lambda;
      q2 += q * q;
      s += m.H[i] / lambda;
    }
  }
  return s > 0.0 ? std::min(q2 / s - 1.0, 0.0) : -1.0;
}

std::vector<double> strengths(const GroupFamily& family, const Masks& masks, const Arrays& arrays, double lambda) {
  std::vector<double> scores(family.size());
  constexpr std::int64_t kGrain = 16;
  parallel_for(std::ssize(scores), kGrain, [&](std::int64_t begin, std::int64_t end) {
    Members members;
    for (auto g = static_cast<std::size_t>(begin); g < static_cast<std::size_t>(end); ++g) {
      members.w.clear(), members.H.clear();
      for_each_entry(family.group(g), [&](std::size_t p, std::int64_t entry) {
        const auto i = static_cast<std::size_t>(entry);
        if (!masks.is_kept(p, i))
          return;
        members.w.push_back(arrays.w(p, i));
        members.H.push_back(arrays.H(p, i));
      });
      scores[g] = evidence_of(members, lambda);
    }
  });
  return scores;
}

void divide_by_layer_means(const GroupFamily& family, Ranking& ranking) {
  std::map<std::size_t, std::pair<double, double>> sums;  // by layer: sum and number of scores
  for (std::size_t g = 0; g < family.size(); ++g) {
    if (ranking.members[g] > 0) {
      auto& [sum, count] = sums[family.layer_of(g)];
      sum += ranking.score[g];
      count += 1.0;
    }
  }
  for (std::size_t g = 0; g < family.size(); ++g) {
    const auto& [sum, count] = sums[family.layer_of(g)];
    if (sum > 0.0)
      ranking.score[g] *= count / sum;
  }
}

std::vector<double> plain_scores(Criterion criterion, const FamilyPrior& prior, const Masks& masks,
                                 const WeightDerivatives& derivatives, double lambda) {
  const std::vector<Parameter*>& parameters = masks.parameters();
  switch (criterion) {
    case Criterion::kMagnitude:
    case Criterion::kGroupLasso: {
      const OnHost values(parameters, &Parameter::value);
      return group_norms(prior.family, parameters);
    }
    case Criterion::kPublished:
      return prior.gamma;
    case Criterion::kOptimalBrainDamage:
      return damages(prior.family, masks, {doubles_of(parameters), derivatives});
    case Criterion::kEvidence:
      return strengths(prior.family, masks, {doubles_of(parameters), derivatives}, lambda);
  }
  throw Error("ranking: not one of the enumeration.");
}

}  // namespace

Criterion parse_criterion(std::string_view name) {
  const auto it = std::ranges::find(kCriterionNames, name);
  if (it == kCriterionNames.end())
    throw UsageError(
        concat("there is no ranking '", name, "'; there are magnitude, group-lasso, obd, evidence and published."));
  return static_cast<Criterion>(it - kCriterionNames.begin());
}

std::string_view name_of(Criterion criterion) {
  return kCriterionNames[static_cast<std::size_t>(criterion)];
}

bool has_threshold(Criterion criterion) {
  return criterion == Criterion::kPublished || criterion == Criterion::kEvidence || criterion == Criterion::kGroupLasso;
}

bool trains_with_penalty(Criterion criterion) {
  return criterion == Criterion::kGroupLasso || criterion == Criterion::kPublished;
}

Ranking rank_groups(Criterion criterion, const FamilyPrior& prior, const Masks& masks,
                    const WeightDerivatives& derivatives, const ScoreOptions& options) {
  const GroupFamily& family = prior.family;
  if (criterion == Criterion::kOptimalBrainDamage || criterion == Criterion::kEvidence)
    require_derivatives(criterion, family, masks.parameters(), derivatives);
  Ranking ranking{.score = plain_scores(criterion, prior, masks, derivatives, options.lambda),
                  .members = kept_members(family, masks)};
  for (std::size_t g = 0; g < family.size(); ++g) {
    if (ranking.members[g] == 0)
      ranking.score[g] = 0.0;
    if (!std::isfinite(ranking.score[g]))
      throw DivergedError(concat("ranking by ", name_of(criterion), ": the score of ", family.group_name(g), " is ",
                                 ranking.score[g], "; it must be finite."));
  }
  if (options.is_per_layer)
    divide_by_layer_means(family, ranking);
  return ranking;
}

}  // namespace ockham::nas
