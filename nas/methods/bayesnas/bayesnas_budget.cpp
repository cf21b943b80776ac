// BayesNas: pruning as strict as a budget asks.
#include "nas/methods/bayesnas/bayesnas.h"
#include "nas/methods/bayesnas/switch_groups.h"
#include "nas/train/parameter_vectors.h"

namespace ockham::nas {
namespace {

constexpr std::int64_t kLatencyImages[] = {1, 32};  // whatever the limit is on

int count_kept(std::span<const SwitchGroup> groups) {
  int kept = 0;
  for (const SwitchGroup& group : groups)
    kept += group.is_switch() && !group.is_pruned();
  return kept;
}

}  // namespace

BayesNasOptions BayesNasOptions::at(double strictness) const {
  BayesNasOptions result = *this;
  if (rule.rule == Rule::kEntropy) {
    result.rule.variance *= strictness;
  } else {
    result.posterior.lambda_child *= strictness;
    result.posterior.lambda_origin *= strictness;
  }
  return result;
}

BayesNasOptions BayesNas::pruning() const {
  return path_ ? options_.at(path_->points[path_->chosen].strictness) : options_;
}

bool BayesNas::meets_budget(int round) const {
  return options_.budget.is_set() && round == options_.rounds;
}

/// What D and E would leave, all of it on copies.
std::optional<PathPoint> BayesNas::left_at(double strictness, int round, NetworkCosts& costs) const {
  const BayesNasOptions options = options_.at(strictness);
  const bool is_entropy = options.rule.rule == Rule::kEntropy;
  std::vector<SwitchGroup> groups = groups_;
  update_posterior(groups, options.posterior);
  std::optional<Verdict> verdict;
  if (!is_entropy)
    verdict = judge(groups, curvature_, round, options.posterior, options.rule, choices_ ? &*choices_ : nullptr);
  prune_posterior(groups, verdict ? verdict->is_redundant : redundant_by_entropy(groups, options.rule.variance), round);
  std::string cell;
  try {
    cell = cell_of(
        {.groups = groups,
         .verdict = verdict ? &*verdict : nullptr,
         .measure = verdict ? strength_above(options.rule.threshold) : Measure{.threshold = options.rule.variance}});
  } catch (const UsageError&) {
    return std::nullopt;  // nothing is left of it
  }
  const std::optional<NetworkCost> cost = costs.of(cell);
  if (!cost)
    return std::nullopt;
  return PathPoint{.strictness = strictness,
                   .knob = is_entropy ? options.rule.variance : options.posterior.lambda_child,
                   .kept = count_kept(groups),
                   .evidence = verdict ? std::optional(verdict->evidence) : std::nullopt,
                   .cost = *cost,
                   .fill = fill_of(*cost, options.budget)};
}

const SparsityPath& BayesNas::meet_budget(int round, const Pause& pause) {
  const OnHost values(switches_, &Parameter::value);
  read_switches(net_, groups_);
  path_.reset();
  NetworkCosts costs(space_, options_.budget, options_.device);
  const auto at = [&](double strictness) { return left_at(strictness, round, costs); };
  path_ = find_strictness(knob_of(options_.rule.rule), options_.budget, at, pause);
  return *path_;
}

void BayesNas::time_found() {
  if (!options_.budget.latency)
    return;
  const NetworkCosts costs(space_, options_.budget, options_.device);
  for (const std::int64_t images : kLatencyImages)
    path_->latencies[images] = costs.latency_of(derive(), images);
}

}  // namespace ockham::nas
