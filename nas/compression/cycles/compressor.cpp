#include "nas/compression/cycles/compressor.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "engine/error.h"

namespace ockham::nas {
namespace {

constexpr double kNoScore = std::numeric_limits<double>::infinity();  // of groups with nothing left

bool needs_curvature(Criterion rule) {
  return rule == Criterion::kPublished || rule == Criterion::kEvidence || rule == Criterion::kOptimalBrainDamage;
}

void require_usable(const CompressionGroups& groups, const CompressorOptions& options) {
  if (!(options.most > 0.0 && options.most <= 1.0) || !(options.nats >= 0.0))
    throw UsageError(concat("compression: at most ", options.most,
                            " of the groups may go in a cycle, and a threshold is ", options.nats,
                            " nats; the first must be above 0 and at most 1, the second not below 0."));
  if (!options.budget && !has_threshold(options.rule))
    throw UsageError(
        concat("rule ", name_of(options.rule),
               " orders groups but has no threshold; give a budget of parameters, multiply-accumulates or time."));
  for (const FamilyPrior& prior : groups.families) {
    if (groups.are_tied && prior.family.size() != groups.families[0].family.size())
      throw UsageError(concat("tied families must have a group of each other's number, but ",
                              groups.families[0].family.name(), " has ", groups.families[0].family.size(), " and ",
                              prior.family.name(), " ", prior.family.size(), "."));
  }
}

std::string_view unit_of(const CompressionBudget& budget) {
  return budget.of == CompressionBudget::Of::kParams ? "parameters"
         : budget.of == CompressionBudget::Of::kMacs ? "multiply-accumulates"
                                                     : "milliseconds";
}

double sum_of(const Masks& masks, std::span<const double> per_entry) {
  double sum = 0.0;
  for (std::size_t p = 0; p < per_entry.size(); ++p)
    sum += per_entry[p] * static_cast<double>(masks.kept_entries(p));
  return sum;
}

}  // namespace

Compressor::Compressor(std::vector<Parameter*> parameters, std::vector<double> macs_per_entry, CompressionGroups groups,
                       const CompressorOptions& options)
    : macs_per_entry_(std::move(macs_per_entry)),
      options_((require_usable(groups, options), options)),
      are_tied_(groups.are_tied),
      prior_(parameters, std::move(groups.families), options.prior),
      masks_(std::move(parameters)),
      dense_cost_(cost(masks_)) {}

double Compressor::params() const {
  return static_cast<double>(masks_.kept_entries());
}

double Compressor::macs() const {
  return sum_of(masks_, macs_per_entry_);
}

double Compressor::cost(const Masks& masks) const {
  const auto of = options_.budget ? options_.budget->of : CompressionBudget::Of::kParams;
  return of == CompressionBudget::Of::kParams ? static_cast<double>(masks.kept_entries())
         : of == CompressionBudget::Of::kMacs ? sum_of(masks, macs_per_entry_)
                                              : options_.budget->milliseconds(masks);
}

void Compressor::before_update(bool with_penalty) {
  const bool is_penalised = with_penalty && trains_with_penalty(options_.rule);
  compression_hooks(is_penalised ? &prior_ : nullptr, masks_).before_update();
}

WeightDerivatives Compressor::measure(std::size_t batches, const RecordBatch& record) const {
  if (!needs_curvature(options_.rule))
    return {};
  std::vector<Parameter*> wanted(prior_.parameters().size(), nullptr);
  for (const FamilyPrior& prior : prior_.families()) {
    for (const GroupSeries& series : prior.family.series()) {
      for (const WeightRun& run : series.runs)
        wanted[run.parameter] = prior_.parameters()[run.parameter];
    }
  }
  return mean_derivatives(wanted, batches, record, options_.hessian);
}

/// Those with anything left, lowest score first.
std::vector<Compressor::Candidate> Compressor::candidates(const WeightDerivatives& derivatives) const {
  const std::vector<FamilyPrior>& families = prior_.families();
  const ScoreOptions options{.lambda = options_.prior.lambda, .is_per_layer = options_.is_per_layer};
  std::vector<Candidate> result;
  for (std::size_t f = 0; f < families.size(); ++f) {
    const Ranking ranking = rank_groups(options_.rule, families[f], masks_, derivatives, options);
    for (std::size_t g = 0; g < ranking.score.size(); ++g) {
      if (f == 0 || !are_tied_)
        result.push_back({kNoScore, static_cast<std::uint32_t>(f), static_cast<std::uint32_t>(g), 0});
      if (ranking.members[g] == 0)
        continue;
      Candidate& candidate = are_tied_ ? result[g] : result.back();
      if (candidate.score == kNoScore)
        candidate.layer = families.size() * families[f].family.layer_of(g) + f;
      candidate.score = std::min(candidate.score, ranking.score[g]);
    }
  }
  std::erase_if(result, [](const Candidate& c) { return c.score == kNoScore; });
  std::ranges::stable_sort(result, {}, &Candidate::score);
  return result;
}

Compressor::Marks Compressor::marks_of(std::span<const Candidate> some) const {
  Marks marks;
  for (const FamilyPrior& prior : prior_.families())
    marks.emplace_back(prior.family.size());
  for (const Candidate& c : some)
    mark(marks, c, true);
  return marks;
}

void Compressor::mark(Marks& marks, const Candidate& candidate, bool is_to_go) const {
  for (std::size_t f = 0; f < marks.size(); ++f) {
    if (are_tied_ || f == candidate.family)
      marks[f][candidate.group] = is_to_go;
  }
}

Compressor::Marks Compressor::redundant(const WeightDerivatives& derivatives,
                                        const std::vector<Candidate>& ranked) const {
  if (options_.rule == Criterion::kEvidence) {
    const auto end = std::ranges::partition_point(
        ranked, [&](const Candidate& c) { return c.score < options_.nats || c.score <= 0.0; });
    return marks_of({ranked.begin(), end});
  }
  ThresholdOptions thresholds = options_.thresholds;
  std::vector<Tensor> hessian = derivatives.hessian;
  if (hessian.empty()) {  // group lasso measures none
    hessian.resize(prior_.parameters().size());
    thresholds.uninformed = false;
  }
  Marks marks;
  for (const FamilyPrior& prior : prior_.families())
    marks.push_back(redundant_groups(prior, options_.prior, masks_, hessian, thresholds));
  for (std::size_t f = 0; are_tied_ && f < marks.size(); ++f) {
    for (std::size_t g = 0; g < marks[f].size(); ++g)
      marks[0][g] = marks[0][g] || marks[f][g];
  }
  for (std::size_t f = 1; are_tied_ && f < marks.size(); ++f)
    marks[f] = marks[0];
  return marks;
}

/// Takes marks off the highest where there are more than may go.
void Compressor::keep_most(Marks& marks, const std::vector<Candidate>& ranked) const {
  auto may_go = static_cast<std::int64_t>(options_.most * static_cast<double>(ranked.size()));
  for (const Candidate& c : ranked) {
    if (marks[c.family][c.group] && may_go-- <= 0)
      mark(marks, c, false);
  }
}

Compressor::Marks Compressor::lowest(std::size_t count, const std::vector<Candidate>& ranked) const {
  return marks_of({ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(count)});
}

/// Of the network without the `count` lowest, but for the last of each layer.
double Compressor::cost_without(std::size_t count, const std::vector<Candidate>& ranked) const {
  Marks marks = lowest(count, ranked);
  spare_last(marks, ranked);
  Masks tried = masks_;
  for (std::size_t f = 0; f < marks.size(); ++f)
    tried.prune(prior_.families()[f].family, marks[f]);
  return cost(tried);
}

/// The same to compare with a target. Other work on a machine only ever slows it: what seems too slow is timed again.
double Compressor::cost_against(double target, std::size_t count, const std::vector<Candidate>& ranked) const {
  const double cost = cost_without(count, ranked);
  const bool is_timed = options_.budget->of == CompressionBudget::Of::kLatency;
  return is_timed && cost > target ? std::min(cost, cost_without(count, ranked)) : cost;
}

void Compressor::require_reachable(const WeightDerivatives& measured) const {
  if (!options_.budget)
    return;
  const std::vector<Candidate> ranked = candidates(measured);
  const double most = options_.budget->most;
  require_within(most, ranked.size(), cost_against(most, ranked.size(), ranked), unit_of(*options_.budget));
}

Removals Compressor::over_budget(std::int64_t cycle, const std::vector<Candidate>& ranked) const {
  const double most = options_.budget->most;
  const double share = static_cast<double>(cycle) / static_cast<double>(options_.cycles);
  const double target = std::max(most, dense_cost_ * std::pow(most / dense_cost_, share));
  return fewest_removals(ranked.size(), target, unit_of(*options_.budget),
                         [&](std::size_t count) { return cost_against(target, count, ranked); });
}

/// @throws UsageError where all are marked
void Compressor::require_some_left(const Marks& marks, const std::vector<Candidate>& ranked) const {
  const auto is_marked = [&](const Candidate& c) { return marks[c.family][c.group]; };
  if (!ranked.empty() && std::ranges::all_of(ranked, is_marked))
    throw UsageError(concat("rule ", name_of(options_.rule), " with lambda ", options_.prior.lambda, " names all ",
                            ranked.size(), " groups that are left as redundant; take a lower --lambda or threshold."));
}

/// Takes the best group of each layer of which none would be left off the marks; tells how many.
std::int64_t Compressor::spare_last(Marks& marks, const std::vector<Candidate>& ranked) const {
  const auto is_marked = [&](const Candidate& c) { return marks[c.family][c.group]; };
  std::set<std::pair<std::uint32_t, std::size_t>> passing, seen;
  for (const Candidate& c : ranked) {
    if (!is_marked(c))
      passing.emplace(c.family, c.layer);
  }
  std::int64_t spared = 0;
  for (auto c = ranked.rbegin(); c != ranked.rend(); ++c) {
    if (passing.contains({c->family, c->layer}) || !seen.emplace(c->family, c->layer).second)
      continue;
    mark(marks, *c, false);
    ++spared;
  }
  return spared;
}

std::vector<std::int64_t> Compressor::groups_left() const {
  std::vector<std::int64_t> left;
  for (const FamilyPrior& prior : prior_.families())
    left.push_back(std::ranges::count_if(kept_members(prior.family, masks_), [](std::int64_t n) { return n > 0; }));
  return left;
}

CycleReport Compressor::end_cycle(std::int64_t cycle, const WeightDerivatives& measured, Optimizer& optimizer) {
  if (options_.rule == Criterion::kPublished)
    prior_.update(measured.hessian, masks_);
  const std::vector<Candidate> ranked = candidates(measured);
  CycleReport report{.cycle = cycle, .left = {}, .gone = groups_left(), .reason = measured.reason};
  Marks marks;
  if (options_.budget) {
    const Removals removals = over_budget(cycle, ranked);
    marks = lowest(removals.count, ranked);
    report.cost = removals.cost;
  } else {
    marks = redundant(measured, ranked);
    keep_most(marks, ranked);
    require_some_left(marks, ranked);
  }
  report.spared = spare_last(marks, ranked);
  for (std::size_t f = 0; f < marks.size(); ++f)
    masks_.prune(prior_.families()[f].family, marks[f]);
  masks_.apply(optimizer);
  report.left = groups_left();
  for (std::size_t f = 0; f < report.left.size(); ++f)
    report.gone[f] -= report.left[f];
  report.params = params();
  report.macs = macs();
  return report;
}

std::map<std::string, Tensor> Compressor::state() const {
  std::map<std::string, Tensor> result = masks_.state();
  result.merge(prior_.state());
  return result;
}

void Compressor::load(const std::map<std::string, Tensor>& state) {
  masks_.load(state);
  prior_.load(state);
}

}  // namespace ockham::nas
