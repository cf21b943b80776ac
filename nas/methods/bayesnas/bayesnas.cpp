#include "nas/methods/bayesnas/bayesnas.h"

#include <algorithm>

#include "autograd/optim/optimizer.h"
#include "autograd/optim/state.h"
#include "nas/bayes/sparse_prior.h"
#include "nas/element.h"
#include "nas/methods/bayesnas/switch_groups.h"
#include "nas/train/micro_batches.h"
#include "nas/train/parameter_vectors.h"
#include "nas/train/trainer.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"

namespace ockham::nas {
namespace {

constexpr const char* kJudged = "bayes.judged.";
constexpr std::string_view kSwitchNorm = "the norm of the switches' gradients";

SwitchNetwork make_network(const SearchSpace& space, const BayesNasOptions& options) {
  Initial initial{.seed = options.seed, .dtype = options.dtype, .device = options.device};
  return space.make_switches(initial);
}

}  // namespace

BayesNasOptions BayesNasOptions::for_single_options() {
  BayesNasOptions options;
  options.weights = {};
  options.switch_lr = 0.025;
  options.proximal = true;
  options.warmup_steps = 0.2;
  options.keeps_statistics = false;
  options.posterior.gate = Gate::kDag;
  options.hessian_batch_norm = BatchNormMode::kFrozenBatch;
  return options;
}

namespace {

/// What the measurement of the matrix of all switches needs.
void require_matrix(const BayesNasOptions& options, const char* what, const char* instead) {
  if (options.hessian_batch_norm == BatchNormMode::kBatch)
    throw UsageError(concat("--hessian-bn batch couples the samples of a batch, and the matrix of ", what,
                            " is made of their rows; use --hessian-bn running or frozen, or ", instead, "."));
  if (options.hessian.algorithm == HessianAlgorithm::kForward)
    throw UsageError(concat("--hessian-algorithm forward has no rows, of which the matrix of ", what,
                            " is made; use auto or reverse, or ", instead, "."));
  if (options.posterior.lambda_child != options.posterior.lambda_origin)
    throw UsageError(concat(
        "--lambda-origin ", options.posterior.lambda_origin, " beside --lambda ", options.posterior.lambda_child, ": ",
        what, " has one posterior of all switches, of one lambda; leave out --lambda-origin, or ", instead, "."));
}

void require_rule(const BayesNasOptions& options) {
  if (options.rule.rule == Rule::kEntropy && options.looks == 0)
    return;
  if (options.hessian.curvature == Curvature::kRecursion)
    throw UsageError(
        "--hessian recursion: it is no derivative of the loss, by which evidence is judged; use --hessian exact or "
        "gauss_newton, or --rule entropy without --rule-looks.");
  if (options.rule.rule == Rule::kJointEvidence)
    require_matrix(options, "--rule joint-evidence", "use --rule evidence");
  if (options.looks > 0)
    require_matrix(options, "--rule-looks", "leave out --rule-looks");
  if (options.looks > 0 && options.rounds > 1)
    throw UsageError(concat("--rule-looks ", options.looks, " with --rounds ", options.rounds,
                            ": rules are compared on a network from which nothing was pruned; use --rounds 1."));
}

}  // namespace

void require_usable(const BayesNasOptions& options) {
  require_rule(options);
  if (options.budget.latency_batch && !options.budget.latency)
    throw UsageError(concat("--latency-batch ", *options.budget.latency_batch,
                            " is of the pass that --max-latency limits, and there is no such limit; give it or drop "
                            "this."));
  if (options.hessian.curvature == Curvature::kRecursion && options.hessian_batch_norm == BatchNormMode::kBatch)
    throw UsageError(
        "--hessian recursion: it has no rule for batch statistics; use --hessian-bn running or frozen, or another "
        "--hessian.");
  if (options.check_entries == 0)
    return;
  if (options.hessian.curvature != Curvature::kExact)
    throw UsageError("--hessian-check compares exact values; use it with --hessian exact.");
  if (options.hessian_batch_norm == BatchNormMode::kFrozenBatch)
    throw UsageError(
        "--hessian-check: frozen statistics are constants of the unmoved network, so differences of the moved one say "
        "nothing; use --hessian-bn running or batch.");
}

BayesNas::BayesNas(const SearchSpace& space, const BayesNasOptions& options, ImageSource images)
    : space_(space),
      options_(options),
      images_(std::move(images)),
      net_(make_network(space, options)),
      groups_(groups_of(net_)),
      switches_(net_.owned.network.architecture),
      weights_(net_.owned.network, options.weights),
      switch_optimizer_(switches_, options.switch_sgd),
      repeated_(net_.owned.module->state()) {
  require_usable(options);
  if (!net_.derive_kept && options.rule.rule == Rule::kJointEvidence)
    choices_ = choices_of(space, net_);
  if (options_.budget.is_set())
    require_shrinkable(space, net_);
  options_.hessian_images = std::min(options_.hessian_images, images_.largest_sample);
}

std::vector<Phase> BayesNas::phases(std::int64_t epochs) const {
  if (options_.warmup_steps && options_.rounds == 1)
    return {{.epochs = epochs, .takes_other = false}};
  const auto epochs_of = [&](std::int64_t round) {
    return round == 1 ? epochs : options_.round_epochs.value_or(epochs);
  };
  std::vector<Phase> phases;
  if (!options_.warmup_steps && options_.warmup_epochs > 0)
    phases.push_back({.name = "warm-up",
                      .epochs = options_.warmup_epochs,
                      .part = Part::kWeights,
                      .takes_other = false,
                      .has_cutout = true});
  for (std::int64_t round = 1; round <= options_.rounds; ++round)
    phases.push_back({.name = concat("round ", round),
                      .epochs = epochs_of(round),
                      .part = options_.warmup_steps ? Part::kWeights : Part::kArchitecture,
                      .takes_other = false});
  return phases;
}

bool BayesNas::is_warmup(const StepPlace& place) const {
  if (options_.warmup_steps)
    return place.phase == 0 &&
           static_cast<double>(place.number) < *options_.warmup_steps * static_cast<double>(place.total);
  return options_.warmup_epochs > 0 && place.phase == 0;
}

Score BayesNas::step(const Batch& train, const Batch&, const StepPlace& place) {
  const Score score = place.is_rehearsal || is_warmup(place) ? weight_step(train, place) : joint_step(train, place);
  look(place);
  return score;
}

std::vector<std::string> BayesNas::warnings() const {
  std::vector<std::string> lines;
  if (options_.rule.rule == Rule::kEntropy && options_.rule.threshold > 0.0)
    lines.push_back(concat("warning: --evidence-threshold ", options_.rule.threshold,
                           " has no effect: it is of --rule evidence and joint-evidence, and the rule is entropy"));
  const double lambda = std::max(options_.posterior.lambda_child, options_.posterior.lambda_origin);
  const double jump = options_.switch_lr * lambda / (1.0 - std::min(options_.switch_sgd.momentum, 0.999));
  if (!options_.proximal && jump >= 1.0)
    lines.push_back(concat("warning: the penalty moves a switch by up to switch-lr * lambda / (1 - momentum) = ", jump,
                           " a step, past zero from their first value 1; use --proximal or lower them"));
  return lines;
}

Variable BayesNas::loss_of(const Context& context, const Batch& batch, Tensor* logits) {
  const Variable output = net_.owned.network.forward(context, batch.images);
  if (logits != nullptr)
    *logits = output.value();
  return softmax_cross_entropy(output, batch.labels);
}

PartLoss BayesNas::part_loss(Tape& tape, const Batch& part) {
  PartLoss result;
  result.loss = loss_of({.tape = &tape,
                         .batch_norm = BatchNormMode::kBatch,
                         .is_training = options_.keeps_statistics,
                         .key = {options_.seed}},
                        part, &result.logits);
  result.counted = result.loss.value();
  return result;
}

/// What is pruned leaves the graph and gets no gradient: an old one must not act again.
void BayesNas::clear_all_gradients() {
  clear_gradients(net_.owned.network.weights());
  clear_gradients(switches_);
}

Score BayesNas::split_step(const Batch& batch, const StepPlace& place) {
  clear_all_gradients();
  const Score result =
      compute_gradients(batch, micro_batch_, place.number,
                        [this](Tape& tape, const Batch& part, std::uint64_t) { return part_loss(tape, part); });
  require_finite(clip_gradients(switches_, 0.0), kSwitchNorm, place.number);
  weights_.update(place);
  return result;
}

Score BayesNas::weight_step(const Batch& batch, const StepPlace& place) {
  if (!is_whole(batch.images.size(0), micro_batch_))
    return split_step(batch, place);
  weights_.optimizer().prepare(place.lr);
  const auto work = [this](const Batch& images) {
    clear_all_gradients();
    StepResult result = enqueue_gradients(
        images, 0, [this](Tape& tape, const Batch& part, std::uint64_t) { return part_loss(tape, part); });
    result.norms.push_back({kSwitchNorm, clipped_norm(switches_, 0.0)});
    weights_.update(result);
    return result;
  };
  return repeated_.run(batch, work).read(place.number);
}

Score BayesNas::joint_step(const Batch& batch, const StepPlace& place) {
  const Score result = weight_step(batch, place);
  if (!options_.proximal)
    add_penalty_gradient();
  switch_optimizer_.step(options_.switch_lr);
  const OnHost values(switches_, &Parameter::value);
  if (options_.proximal)
    shrink_switches();
  freeze_pruned();
  return result;
}

void BayesNas::add_penalty_gradient() {
  const OnHost values(switches_, &Parameter::value), grads(switches_, &Parameter::grad);
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    if (groups_[i].is_pruned() || !groups_[i].is_switch())
      continue;
    const std::vector<double> w = switches_of(net_.groups[i]);
    std::vector<double> gradient(w.size());
    add_group_penalty_gradient(w, options_.posterior.lambda(groups_[i].gates) * groups_[i].state.omega, gradient);
    for (std::size_t copy = 0; copy < w.size(); ++copy) {
      const SwitchPlaces::Entry& entry = net_.groups[i].copies[copy];
      Tensor& grad = entry.parameter->grad;
      if (grad)
        set_element(grad, entry.index, element(grad, entry.index) + gradient[copy]);
    }
  }
}

void BayesNas::shrink_switches() {
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    std::vector<double> w = switches_of(net_.groups[i]);
    const double lambda = options_.posterior.lambda(groups_[i].gates);
    shrink_group(w, options_.switch_lr * lambda * groups_[i].state.omega);
    put_switches(net_.groups[i], w);
  }
}

void BayesNas::freeze_pruned() {
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    if (!groups_[i].is_pruned())
      continue;
    put_switches(net_.groups[i], groups_[i].w);
    for (const SwitchPlaces::Entry& entry : net_.groups[i].copies)
      set_element(switch_optimizer_.momentum_of(*entry.parameter), entry.index, 0.0);
  }
}

void BayesNas::refresh_statistics(const Batch& batch) {
  const std::int64_t total = batch.images.size(0);
  const std::int64_t most = micro_batch_ > 0 ? micro_batch_ : total;
  for (std::int64_t begin = 0; begin < total; begin += most)
    net_.owned.network.forward({.batch_norm = BatchNormMode::kBatch, .is_training = true, .key = {options_.seed}},
                               part_of(batch, begin, std::min(begin + most, total)).images);
}

Score BayesNas::evaluate(const Batch& batch, const SeeLogits& see) {
  return nas::evaluate(net_.owned.network.forward, batch,
                       options_.keeps_statistics ? BatchNormMode::kRunning : BatchNormMode::kFrozenBatch,
                       TestViews::kOne, see);
}

double BayesNas::penalty() {
  const OnHost values(switches_, &Parameter::value);
  read_switches(net_, groups_);
  return posterior_penalty(groups_, options_.posterior);
}

std::map<std::string, Tensor> BayesNas::state() const {
  std::map<std::string, Tensor> result;
  add_network("", *net_.owned.module, result);
  add_state("optim.weights.", weights_.optimizer().state(), result);
  add_state("optim.switches.", switch_optimizer_.state(), result);
  result.emplace("bayes.groups", pack(groups_));
  if (judged_)
    pack(*judged_, kJudged, result);
  if (path_)
    pack(*path_, result);
  pack(looks_, result);
  pack(moves_, result);
  return result;
}

void BayesNas::load(const std::map<std::string, Tensor>& state) {
  load_network("", *net_.owned.module, state);
  weights_.optimizer().load(part_of_state("optim.weights.", state));
  switch_optimizer_.load(part_of_state("optim.switches.", state));
  unpack(stored_like(state, "bayes.groups", pack(groups_)), groups_);
  looks_ = unpack_looks(state, groups_);
  path_ = unpack_path(state, knob_of(options_.rule.rule), options_.budget);
  moves_ = unpack_moves(state);
  judged_ = unpack_judged(state, kJudged, groups_);
  if (judged_)
    judged_->verdict = verdict_of(judged_->curvature, judged_->round, judged_->hessian_scale);
  leave_out_pruned(net_, groups_);
  repeated_.forget();
}

}  // namespace ockham::nas
