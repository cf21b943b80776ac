// BayesNas: what ends a round. Variances, the rule's verdict, pruning, and the cell that is left.
#include <algorithm>
#include <cmath>

#include "engine/device_memory.h"
#include "nas/methods/bayesnas/bayesnas.h"
#include "nas/methods/bayesnas/switch_groups.h"
#include "nas/rank_correlation.h"
#include "nas/train/parameter_vectors.h"

namespace ockham::nas {
namespace {

EvidenceReport report_of(const Judged& judged, const RuleOptions& rule, std::span<const SwitchGroup> groups) {
  const Verdict& verdict = judged.verdict;
  EvidenceReport report{.rule = rule.rule, .threshold = rule.threshold, .evidence = verdict.evidence};
  std::array<std::vector<double>, 2> halves;  // of what was judged
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (!is_judged(groups[i], judged.round))
      continue;
    ++report.judged;
    report.kept += !verdict.is_redundant[i];
    for (std::size_t half = 0; half < 2 && !judged.halves[half].empty(); ++half)
      halves[half].push_back(judged.halves[half][i]);
  }
  if (halves[0].empty())
    return report;
  HalvesReport& moved = report.halves.emplace();
  for (std::size_t i = 0; i < halves[0].size(); ++i) {
    const double move = std::abs(halves[0][i] - halves[1][i]);
    moved.mean_move += move / static_cast<double>(halves[0].size());
    moved.largest_move = std::max(moved.largest_move, move);
    moved.decided_otherwise += (halves[0][i] > rule.threshold) != (halves[1][i] > rule.threshold);
  }
  moved.rank_correlation = spearman(halves[0], halves[1]);
  return report;
}

}  // namespace

void BayesNas::end_phase(std::size_t phase, const Pause& pause) {
  const bool has_warmup = !options_.warmup_steps && options_.warmup_epochs > 0;
  if (has_warmup && phase == 0)
    return;
  Round round{.number = static_cast<int>(has_warmup ? phase : phase + 1)};
  if (options_.refresh_batches > 0)
    images_.first_batches(phase, options_.refresh_batches, [this](const Batch& batch) { refresh_statistics(batch); });
  pause();
  if (options_.keeps_statistics && images_.held_out)
    round.held_out = images_.held_out([this](const Batch& batch) { return evaluate(batch); });
  const bool by_evidence = options_.rule.rule != Rule::kEntropy;
  const Batch batch = images_.sample(options_.hessian_images, by_evidence ? 1 : round.number);
  drop_memory_cache(batch.images.device());  // blocks of a step's sizes would serve smaller requests and count whole
  round.hessian = measure_curvature(batch);
  if (options_.check_entries > 0)
    round.check = check_curvature(batch);
  round.calibration = calibrate(mean_hessians());
  if (options_.calibrates)
    options_.posterior.laplace.hessian_scale = round.calibration.hessian_scale;
  if (meets_budget(round.number))
    meet_budget(round.number, pause);
  std::array<std::vector<double>, 2> halves;
  if (by_evidence)
    halves = strengths_of_halves(batch, round.number);
  pause();
  round.pruned = update_and_prune(round.number);
  if (path_) {
    time_found();
    round.path = path_;
  }
  if (judged_) {
    judged_->halves = std::move(halves);
    round.evidence = report_of(*judged_, options_.rule, groups_);
    round.moves = moves_;
    round.ends = ends_early() && round.number < options_.rounds;
  }
  round_ = std::move(round);
}

bool BayesNas::ends_early() const {
  const bool needs_last = options_.budget.is_set();  // which prunes to it
  return !needs_last && moves_.size() > 1 && !(moves_.back().per_image > moves_[moves_.size() - 2].per_image);
}

std::vector<double> BayesNas::worth_now() const {
  return judged_ ? worth_of(groups_, judged_->verdict) : std::vector<double>{};
}

/// @param before  what groups were worth in the round before; empty in the first
void BayesNas::note_move(const std::vector<double>& before, int round, int pruned) {
  const std::vector<double> worth = worth_now();
  double sum = 0.0, count = 0.0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (!is_judged(groups_[i], round))
      continue;
    sum += std::abs(worth[i] - before[i]);
    count += 1.0;
  }
  moves_.push_back({.round = round,
                    .evidence = judged_->verdict.evidence,
                    .per_image = judged_->verdict.per_image,
                    .loss = judged_->curvature.loss,
                    .moved = count > 0.0 ? sum / count : 0.0,
                    .pruned = pruned});
}

int BayesNas::update_and_prune(int round) {
  const std::vector<double> worth_before = worth_now();
  const OnHost values(switches_, &Parameter::value);
  read_switches(net_, groups_);
  const BayesNasOptions options = pruning();
  update_posterior(groups_, options.posterior);
  if (options_.rule.rule != Rule::kEntropy) {
    const double scale = options_.posterior.laplace.hessian_scale;
    Verdict verdict = verdict_of(curvature_, round, scale);
    judged_ = {.round = round, .hessian_scale = scale, .curvature = curvature_, .verdict = std::move(verdict)};
  }
  derive();  // throws where nothing would be left, while the numbers that say so are still there
  const int pruned = prune_posterior(
      groups_, judged_ ? judged_->verdict.is_redundant : redundant_by_entropy(groups_, options.rule.variance), round);
  leave_out_pruned(net_, groups_);
  repeated_.forget();
  freeze_pruned();
  if (judged_)
    note_move(worth_before, round, pruned);
  return pruned;
}

std::vector<double> BayesNas::mean_hessians() const {
  std::vector<double> means;
  for (const SwitchGroup& group : groups_) {
    if (group.is_switch() && !group.is_pruned())
      means.push_back(mean(group.hessian));
  }
  return means;
}

Verdict BayesNas::verdict_of(const SwitchCurvature& curvature, int round, double hessian_scale) const {
  PosteriorOptions posterior = pruning().posterior;
  posterior.laplace.hessian_scale = hessian_scale;
  return judge(groups_, curvature, round, posterior, options_.rule, choices_ ? &*choices_ : nullptr);
}

/// The numbers of a GroupNumbers.
std::vector<double> BayesNas::Left::kept_numbers() const {
  std::vector<double> result;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const double number = verdict != nullptr ? verdict->numbers[i] : groups[i].effective;
    result.push_back(groups[i].is_switch() && !groups[i].is_pruned() ? number : 0.0);
  }
  return result;
}

/// By which a space whose cells take one option of each choice compares the group with others.
double BayesNas::Left::number_of(std::size_t i, const SwitchPlaces& places) const {
  if (verdict != nullptr)
    return verdict->numbers[i];
  const SwitchGroup& group = groups[i];
  if (!group.is_switch())
    return 0.0;  // between what is kept and what is pruned
  if (group.state.covariance.empty())
    return rms_of(places);
  // Options of one choice may stand behind different gates. Compared behind them, what has no gate, such as an edge
  // from the cell's input, would win however weak it is.
  return group.is_pruned() ? -1.0 / group.state.gamma : group.state.gamma;
}

BayesNas::Left BayesNas::left() const {
  const RuleOptions rule = pruning().rule;
  return {.groups = groups_,
          .verdict = verdict(),
          .measure = judged_ ? strength_above(rule.threshold) : Measure{.threshold = rule.variance}};
}

std::string BayesNas::cell_of(const Left& left) const {
  if (net_.derive_kept)
    return net_.derive_kept({.values = left.kept_numbers(), .measure = left.measure});
  const OnHost values(switches_, &Parameter::value);
  std::vector<double> numbers;
  for (std::size_t i = 0; i < left.groups.size(); ++i)
    numbers.push_back(left.number_of(i, net_.groups[i]));
  return space_.derive(numbers);
}

std::string BayesNas::derive() const {
  return cell_of(left());
}

std::vector<CellPicture> BayesNas::pictures() const {
  const Left left = this->left();
  return net_.draw_kept ? net_.draw_kept({.values = left.kept_numbers(), .measure = left.measure})
                        : std::vector<CellPicture>{};
}

std::vector<Figure> BayesNas::figures() const {
  const OnHost values(switches_, &Parameter::value);
  double sum = 0.0, least = HUGE_VAL, zeros = 0.0, count = 0.0;
  for (const SwitchPlaces& places : net_.groups) {
    if (places.copies.empty())
      continue;
    const double rms = rms_of(places);
    sum += rms;
    least = std::min(least, rms);
    zeros += rms == 0.0;
    count += 1.0;
  }
  return {{"norm_mean", sum / count}, {"norm_min", least}, {"zeros", zeros}};
}

}  // namespace ockham::nas
