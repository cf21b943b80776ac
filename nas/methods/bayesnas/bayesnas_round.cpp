// BayesNas: what ends a round. Curvature, variances, pruning, and the cell that is left.
#include <algorithm>
#include <chrono>
#include <cmath>

#include "engine/device_memory.h"
#include "nas/bayes/entropy.h"
#include "nas/methods/bayesnas/bayesnas.h"
#include "nas/methods/bayesnas/switch_groups.h"
#include "nas/train/parameter_vectors.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"

namespace ockham::nas {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Those that the tape uses, in their order: what is pruned may not be part of the program.
std::vector<Parameter*> used(const std::vector<Parameter*>& switches, const Tape& tape) {
  std::vector<Parameter*> result;
  std::ranges::copy_if(switches, std::back_inserter(result), [&](const Parameter* parameter) {
    return std::ranges::find(tape.nodes(), parameter, &Node::parameter) != tape.nodes().end();
  });
  return result;
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
  const Batch batch = images_.sample(options_.hessian_images, round.number);
  drop_memory_cache(batch.images.device());  // blocks of a step's sizes would serve smaller requests and count whole
  round.hessian = measure_curvature(batch);
  if (options_.check_entries > 0)
    round.check = check_curvature(batch);
  round.calibration = calibrate(mean_hessians());
  if (options_.calibrates)
    options_.posterior.laplace.hessian_scale = round.calibration.hessian_scale;
  round.pruned = update_and_prune(round.number);
  round_ = std::move(round);
}

void BayesNas::rehearse_finish(const Batch& images) {
  HessianOptions rehearsal = rehearsal_of(options_.hessian, images.images.size(0), options_.hessian_images);
  if (options_.hessian.memory_limit != 0)
    rehearsal.directions = 1;
  std::swap(options_.hessian, rehearsal);
  measure_curvature({.images = images.images.to(options_.dtype), .labels = images.labels});
  std::swap(options_.hessian, rehearsal);
}

HessianReport BayesNas::measure_curvature(const Batch& batch) {
  const MemoryScope scope(MemoryClass::kCurvature);
  HessianReport report;
  report.curvature = options_.hessian.curvature;
  report.batch_norm = options_.hessian_batch_norm;
  auto start = std::chrono::steady_clock::now();
  loss_of({.batch_norm = options_.hessian_batch_norm}, batch);
  report.forward_seconds = seconds_since(start);

  start = std::chrono::steady_clock::now();
  Tape tape;
  const Variable loss = loss_of({.tape = &tape,
                                 .batch_norm = options_.hessian_batch_norm,
                                 .fuses = options_.hessian.curvature != Curvature::kRecursion},
                                batch);
  const std::vector<Parameter*> measured = used(switches_, tape);
  report.result = hessian_diagonal(loss, measured, options_.hessian);
  report.seconds = seconds_since(start);

  std::vector<Tensor> all;
  for (const Parameter* parameter : switches_) {
    const auto it = std::ranges::find(measured, parameter);
    all.push_back(it != measured.end() ? report.result.diagonal[static_cast<std::size_t>(it - measured.begin())]
                                       : Tensor::zeros(parameter->value.shape(), DType::kFloat64));
    for (const double h : all.back().span<double>()) {
      ++report.entries;
      report.negative += h < 0.0;
    }
  }
  read_hessian(net_, all, groups_);
  report.result.diagonal = std::move(all);
  return report;
}

HessianCheck BayesNas::check_curvature(const Batch& batch) {
  Initial initial{.dtype = DType::kFloat64, .device = options_.device};
  SwitchNetwork copy = space_.make_switches(initial);
  const std::vector<Parameter*> from = net_.owned.module->state(), to = copy.owned.module->state();
  for (std::size_t i = 0; i < from.size(); ++i)
    to[i]->value = from[i]->value.to(DType::kFloat64).clone();
  leave_out_pruned(copy, groups_);
  const Batch wide{.images = batch.images.to(DType::kFloat64), .labels = batch.labels};
  const auto build = [&](Tape& tape) {
    return softmax_cross_entropy(
        copy.owned.network.forward({.tape = &tape, .batch_norm = options_.hessian_batch_norm}, wide.images),
        wide.labels);
  };
  Tape tape;
  const Variable loss = build(tape);
  const std::vector<Parameter*> measured = used(copy.owned.network.architecture, tape);
  const HessianResult exact = hessian_diagonal(loss, measured, options_.hessian);
  return check_hessian(build, measured, exact.diagonal, options_.check_entries, options_.seed);
}

int BayesNas::update_and_prune(int round) {
  const OnHost values(switches_, &Parameter::value);
  read_switches(net_, groups_);
  update_posterior(groups_, options_.posterior);
  derive();  // throws where nothing would be left, while the variances that say so are still there
  const int pruned = prune_posterior(groups_, round);
  leave_out_pruned(net_, groups_);
  repeated_.forget();
  freeze_pruned();
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

std::vector<double> BayesNas::kept_variances() const {
  std::vector<double> result;
  for (const SwitchGroup& group : groups_)
    result.push_back(group.is_switch() && !group.is_pruned() ? group.effective : 0.0);
  return result;
}

double BayesNas::strength_of(std::size_t i) const {
  const SwitchGroup& group = groups_[i];
  if (!group.is_switch())
    return 0.0;  // between what is kept and what is pruned
  if (group.state.covariance.empty())
    return rms_of(net_.groups[i]);
  // Options of one choice may stand behind different gates. Compared behind them, what has no gate, such as an edge
  // from the cell's input, would win however weak it is.
  return group.is_pruned() ? -1.0 / group.state.gamma : group.state.gamma;
}

std::string BayesNas::derive() const {
  if (net_.derive_kept)
    return net_.derive_kept(kept_variances());
  const OnHost values(switches_, &Parameter::value);
  std::vector<double> numbers;
  for (std::size_t i = 0; i < groups_.size(); ++i)
    numbers.push_back(strength_of(i));
  return space_.derive(numbers);
}

std::vector<CellPicture> BayesNas::pictures() const {
  return net_.draw_kept ? net_.draw_kept(kept_variances()) : std::vector<CellPicture>{};
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

PosteriorTable BayesNas::posterior() const {
  const OnHost values(switches_, &Parameter::value);
  PosteriorTable table{.threshold = kPruneThreshold};
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const SwitchGroup& group = groups_[i];
    if (!group.is_switch())
      continue;
    table.rows.push_back({net_.groups[i].choice, net_.groups[i].option});
    for (const auto& [name, value] :
         std::initializer_list<std::pair<const char*, double>>{{"norm", rms_of(net_.groups[i])},
                                                               {"hessian", mean(group.hessian)},
                                                               {"gamma", group.state.gamma},
                                                               {"omega", group.state.omega},
                                                               {"variance", group.effective},
                                                               {"entropy", gaussian_entropy(group.effective)},
                                                               {"pruned_round", group.pruned_round},
                                                               {"kept", group.is_pruned() ? 0.0 : 1.0}})
      table.columns[name].push_back(value);
    table.copies["switch"].push_back(switches_of(net_.groups[i]));
    table.copies["hessian"].push_back(group.hessian);
    table.copies["covariance"].push_back(group.state.covariance);
  }
  return table;
}

}  // namespace ockham::nas
