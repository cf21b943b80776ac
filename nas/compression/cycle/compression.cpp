#include "nas/compression/cycle/compression.h"

#include <algorithm>
#include <utility>

#include "engine/error.h"

namespace ockham::nas {
namespace {

/// A group of some family.
struct RankedGroup {
  std::size_t family, group;
  double score;
};

double cost_of(const Masks& masks, std::span<const double> per_entry) {
  double cost = 0.0;
  for (std::size_t p = 0; p < per_entry.size(); ++p)
    cost += per_entry[p] * static_cast<double>(masks.kept_entries(p));
  return cost;
}

}  // namespace

Compression::Compression(std::vector<Parameter*> parameters, std::vector<FamilyPrior> families,
                         const CompressionOptions& options)
    : options_(options), masks_(parameters), prior_(std::move(parameters), std::move(families), options.prior) {
  if (!(options.nats >= 0.0))
    throw UsageError(concat("compression: a threshold of ", options.nats,
                            " nats; strengths are not below zero, and it "
                            "must not be either."));
  if (!(options.most > 0.0 && options.most <= 1.0))
    throw UsageError(concat("compression: at most ", options.most,
                            " of the groups may go in a cycle; that part must be "
                            "above 0 and at most 1."));
  if (trains_with_penalty(options.criterion) && options.penalty_step == PenaltyStep::kProximal)
    prior_.require_proximal();
}

StepHooks Compression::training_hooks() {
  return compression_hooks(trains_with_penalty(options_.criterion) ? &prior_ : nullptr, masks_, options_.penalty_step);
}

std::vector<Parameter*> Compression::grouped() const {
  std::vector<Parameter*> result(masks_.parameters().size());
  for (const FamilyPrior& prior : prior_.families()) {
    for (const GroupSeries& series : prior.family.series()) {
      for (const WeightRun& run : series.runs)
        result[run.parameter] = masks_.parameters()[run.parameter];
    }
  }
  return result;
}

void Compression::update(const WeightDerivatives& derivatives) {
  if (options_.criterion == Criterion::kPublished)
    prior_.update(derivatives.hessian, masks_);
}

Ranking Compression::rank(const FamilyPrior& prior, const WeightDerivatives& derivatives, bool is_per_layer) const {
  return rank_groups(options_.criterion, prior, masks_, derivatives,
                     {.lambda = options_.prior.lambda, .is_per_layer = is_per_layer});
}

std::vector<bool> Compression::redundant(const FamilyPrior& prior, const WeightDerivatives& derivatives) const {
  switch (options_.criterion) {
    case Criterion::kPublished:
      return redundant_groups(prior, prior_.options(), masks_, derivatives.hessian, options_.threshold);
    case Criterion::kGroupLasso:
      return redundant_groups(
          prior, prior_.options(), masks_, derivatives.hessian,
          {.relative = {}, .max_abs = options_.threshold.max_abs, .uninformed = options_.threshold.uninformed});
    case Criterion::kEvidence: {
      const Ranking ranking = rank(prior, derivatives, false);
      std::vector<bool> result(ranking.score.size());
      for (std::size_t g = 0; g < result.size(); ++g)
        result[g] = ranking.members[g] > 0 && ranking.score[g] <= options_.nats;
      return result;
    }
    case Criterion::kMagnitude:
    case Criterion::kOptimalBrainDamage:
      break;
  }
  throw UsageError(concat("compression: ", name_of(options_.criterion),
                          " orders groups but tells no threshold; give a budget of weights or multiply-accumulates."));
}

void Compression::spare_the_highest(std::vector<bool>& marked, const FamilyPrior& prior,
                                    const WeightDerivatives& derivatives) const {
  if (options_.most == 1.0)
    return;
  const std::vector<std::size_t> order = removal_order(rank(prior, derivatives, false));
  auto may_go = static_cast<std::int64_t>(options_.most * static_cast<double>(order.size()));
  for (const std::size_t g : order) {
    if (marked[g] && may_go-- <= 0)
      marked[g] = false;
  }
}

CycleReport Compression::end_cycle(const WeightDerivatives& derivatives, Optimizer& optimizer) {
  update(derivatives);
  Marks marks;
  for (const FamilyPrior& prior : prior_.families()) {
    marks.push_back(redundant(prior, derivatives));
    spare_the_highest(marks.back(), prior, derivatives);
  }
  return prune(marks, optimizer);
}

CycleReport Compression::meet(double budget, std::span<const double> per_entry, const WeightDerivatives& derivatives,
                              Optimizer& optimizer) {
  if (per_entry.size() != masks_.parameters().size())
    throw UsageError(concat("compression: costs of ", per_entry.size(), " parameters for ", masks_.parameters().size(),
                            "; it needs one each."));
  update(derivatives);
  std::vector<RankedGroup> candidates;
  Marks none;
  for (std::size_t f = 0; f < prior_.families().size(); ++f) {
    const FamilyPrior& prior = prior_.families()[f];
    const Ranking ranking = rank(prior, derivatives, options_.is_per_layer);
    for (std::size_t g : removal_order(ranking))
      candidates.push_back({f, g, ranking.score[g]});
    none.emplace_back(prior.family.size());
  }
  std::ranges::stable_sort(candidates, {}, &RankedGroup::score);
  const auto first = [&](std::size_t k) {
    Marks marks = none;
    for (const RankedGroup& candidate : std::span(candidates).first(k))
      marks[candidate.family][candidate.group] = true;
    return marks;
  };
  const std::size_t removals = fewest_removals(candidates.size(), budget,
                                               [&](std::size_t k) { return cost_of(pruned_by(first(k)), per_entry); });
  CycleReport report = prune(first(removals), optimizer);
  report.cost_left = cost_of(masks_, per_entry);
  return report;
}

Masks Compression::pruned_by(const Marks& marks) const {
  Masks masks = masks_;
  for (std::size_t f = 0; f < marks.size(); ++f)
    masks.prune(prior_.families()[f].family, marks[f]);
  return masks;
}

CycleReport Compression::prune(const Marks& marks, Optimizer& optimizer) {
  masks_ = pruned_by(marks);
  masks_.apply(optimizer);
  CycleReport report{.pruned = {}, .weights_left = masks_.kept_entries()};
  for (const std::vector<bool>& marked : marks)
    report.pruned.push_back(std::ranges::count(marked, true));
  return report;
}

std::map<std::string, Tensor> Compression::state() const {
  std::map<std::string, Tensor> state = prior_.state();
  state.merge(masks_.state());
  return state;
}

void Compression::load(const std::map<std::string, Tensor>& state) {
  prior_.load(state);
  masks_.load(state);
}

}  // namespace ockham::nas
