#include "nas/methods/pgnas/pgnas.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/math.h"
#include "nas/train/trainer.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"

namespace ockham::nas {
namespace {

std::vector<Parameter*> trainable(Module& module, bool with_logits) {
  std::vector<Parameter*> result = module.parameters(ParameterKind::kWeight);
  if (with_logits)
    std::ranges::copy(module.parameters(ParameterKind::kSwitch), std::back_inserter(result));
  return result;
}

/// Weights behind one gate of the group.
std::int64_t slice_size(const GatedGroup& group) {
  return count_elements(group.kernels) / group.gates();
}

double finite_or_infinity(double loss) {
  return std::isfinite(loss) ? loss : std::numeric_limits<double>::infinity();
}

bool is_better(const Ranked& a, const Ranked& b, Criterion criterion) {
  const double loss_a = finite_or_infinity(a.score.loss), loss_b = finite_or_infinity(b.score.loss);
  if (criterion == Criterion::kAccuracy && a.score.top1 != b.score.top1)
    return a.score.top1 > b.score.top1;
  return loss_a != loss_b ? loss_a < loss_b : a.number < b.number;
}

double all_parameters(const GatedNetwork& network) {
  return static_cast<double>(count_elements(network.module->parameters(ParameterKind::kWeight)));
}

double gated_parameters(const GatedNetwork& network) {
  double gated = 0.0;
  for (const GatedGroup& group : network.groups)
    gated += static_cast<double>(count_elements(group.kernels));
  return gated;
}

}  // namespace

Pgnas::Pgnas(GatedNetwork network, const PgnasOptions& options)
    : network_(std::move(network)),
      options_(options),
      all_(trainable(*network_.module, true)),
      trained_(trainable(*network_.module, options.learns)),
      optimizer_(trained_, options.sgd),
      repeated_(network_.module->state()),
      numbers_(all_, 2) {
  if (options.learns && options.sgd.weight_decay != 0.0)
    throw UsageError(concat("PGNAS: a weight decay of ", options.sgd.weight_decay,
                            " beside the divergence, which decays weights itself; leave it at 0."));
}

PartLoss Pgnas::loss_of(Tape& tape, const Batch& part, std::uint64_t number) {
  const Context context{.tape = &tape,
                        .batch_norm = BatchNormMode::kBatch,
                        .is_training = true,
                        .key = {options_.seed, Purpose::kDropout, moving_ ? 0 : number},
                        .moving = moving_};
  const Variable logits = network_.forward(context, part.images);
  const Variable loss = softmax_cross_entropy(logits, part.labels);
  return {.loss = loss, .counted = loss.value(), .logits = logits.value()};
}

Score Pgnas::differentiate(const Batch& batch, std::uint64_t step) {
  moving_ = {};
  clear_gradients(all_);
  const Score score = compute_gradients(
      batch, options_.micro_batch, step,
      [this](Tape& tape, const Batch& part, std::uint64_t number) { return loss_of(tape, part, number); });
  if (options_.learns)
    add_dropout_divergence(network_.groups, options_.prior);
  return score;
}

Tensor Pgnas::prepare_gradients() {
  const Tensor norm = clipped_norm(trained_, options_.clip);
  for (Parameter* parameter : trained_) {
    if (parameter->kind == ParameterKind::kSwitch)
      scale(parameter->grad, options_.logit_rate);  // SGD is linear in it
  }
  return norm;
}

Score Pgnas::step(const Batch& batch, double lr, std::uint64_t step) {
  constexpr std::string_view kNorm = "the gradient norm";
  optimizer_.prepare(lr);
  if (!is_whole(batch.images.size(0), options_.micro_batch)) {
    const Score score = differentiate(batch, step);
    const Tensor norm = prepare_gradients();
    optimizer_.apply(norm);
    require_finite(norm.item(), kNorm, step);
    return score;
  }
  numbers_.put({static_cast<double>(step), 0.0});
  moving_ = numbers_.values();
  const auto work = [&](const Batch& images) {
    clear_gradients(all_);
    StepResult result = enqueue_gradients(images, step, [this](Tape& tape, const Batch& part, std::uint64_t number) {
      return loss_of(tape, part, number);
    });
    if (options_.learns)
      add_dropout_divergence(network_.groups, options_.prior);
    result.norms.push_back({kNorm, prepare_gradients()});
    optimizer_.apply(result.permission());
    return result;
  };
  return repeated_.run(batch, work).read(step);
}

double Pgnas::divergence() const {
  return options_.learns ? dropout_divergence(network_.groups, options_.prior) : 0.0;
}

void put_candidate(std::span<const GatedGroup> groups, const Drawing& drawing, std::uint64_t number) {
  const RandomKey key{drawing.seed, Purpose::kArchitecture, number};
  std::uint64_t gate = 0;
  for (const GatedGroup& group : groups) {
    const double p = drawing.drop_rate.value_or(group.drop_probability());
    for (double& keep : *group.keep)
      keep = uniform(key, gate++) + p >= 1.0 ? 0.0 : 1.0;
  }
}

void keep_all(std::span<const GatedGroup> groups) {
  for (const GatedGroup& group : groups)
    std::ranges::fill(*group.keep, 1.0);
}

std::int64_t kept_parameters(const GatedNetwork& network) {
  std::int64_t kept = count_elements(network.module->parameters(ParameterKind::kWeight));
  for (const GatedGroup& group : network.groups)
    kept -= slice_size(group) * std::ranges::count(*group.keep, 0.0);
  return kept;
}

double expected_parameters(const GatedNetwork& network) {
  double expected = all_parameters(network);
  for (const GatedGroup& group : network.groups)
    expected -= static_cast<double>(count_elements(group.kernels)) * group.drop_probability();
  return expected;
}

double expected_parameters(const GatedNetwork& network, const Drawing& drawing) {
  return drawing.drop_rate ? all_parameters(network) - *drawing.drop_rate * gated_parameters(network)
                           : expected_parameters(network);
}

double equal_size_drop(const GatedNetwork& network) {
  const double gated = gated_parameters(network);
  return gated > 0.0 ? (all_parameters(network) - expected_parameters(network)) / gated : 0.0;
}

Score evaluate_candidate(const GatedNetwork& network, std::span<const Batch> batches, BatchNormMode batch_norm) {
  Score total;
  for (const Batch& batch : batches)
    total.add(evaluate(network.forward, batch, batch_norm));
  return total;
}

std::vector<Ranked> rank_candidates(const GatedNetwork& network, std::span<const Batch> batches, std::uint64_t count,
                                    const std::function<void(std::uint64_t number)>& put, const RankOptions& options) {
  std::vector<Ranked> ranking;
  for (std::uint64_t number = 0; number < count; ++number) {
    options.pause();
    put(number);
    ranking.push_back({number, evaluate_candidate(network, batches, options.batch_norm)});
  }
  keep_all(network.groups);
  std::ranges::sort(ranking, [&](const Ranked& a, const Ranked& b) { return is_better(a, b, options.criterion); });
  return ranking;
}

std::vector<Ranked> rank_candidates(const GatedNetwork& network, std::span<const Batch> batches, std::uint64_t count,
                                    const Drawing& drawing, const RankOptions& options) {
  const auto put = [&](std::uint64_t number) { put_candidate(network.groups, drawing, number); };
  return rank_candidates(network, batches, count, put, options);
}

}  // namespace ockham::nas
