#include "nas/train/trainer.h"

#include <cmath>

#include "ops/add/add.h"
#include "ops/scale/scale.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"

namespace ockham::nas {

Score evaluate(const std::function<Variable(const Context&, const Variable&)>& forward, const Batch& batch,
               BatchNormMode mode, TestViews views, const SeeLogits& see) {
  const auto logits_of = [&](const Variable& images) { return forward({.batch_norm = mode}, images); };
  const Tensor logits = mean_logits(logits_of, batch.images, views);
  if (see)
    see(logits);
  return score(logits, batch.labels);
}

Trainer::Trainer(Classifier& network, const TrainerOptions& options)
    : network_(network),
      options_(options),
      weights_(network.parameters(ParameterKind::kWeight)),
      optimizer_(weights_, options.sgd),
      repeated_(network.state()),
      drop_numbers_(weights_, 2) {}

PartLoss Trainer::loss_of(Tape& tape, const Batch& part, std::uint64_t number) {
  const Context context{.tape = &tape,
                        .batch_norm = BatchNormMode::kBatch,
                        .is_training = true,
                        .key = {options_.seed, Purpose::kDropout, moving_ ? 0 : number},
                        .moving = moving_};
  const ClassifierOutput output = network_.forward(context, part.images);
  const SoftmaxCrossEntropyAttrs attrs{.label_smoothing = options_.label_smoothing};
  const Variable main = softmax_cross_entropy(output.logits, part.labels, attrs);
  Variable loss = main;
  if (output.auxiliary.value().is_defined())
    loss = add(loss, scale(softmax_cross_entropy(output.auxiliary, part.labels, attrs), options_.auxiliary_weight));
  return {.loss = loss, .counted = main.value(), .logits = output.logits.value()};
}

Score Trainer::step(const Batch& batch, double lr, std::uint64_t step) {
  const auto part_loss = [this](Tape& tape, const Batch& part, std::uint64_t number) {
    return loss_of(tape, part, number);
  };
  const StepHooks& hooks = options_.hooks;
  optimizer_.prepare(lr);
  moving_ = {};
  if (!is_whole(batch.images.size(0), options_.micro_batch)) {
    clear_gradients(weights_);
    const Score result = compute_gradients(batch, options_.micro_batch, step, part_loss);
    if (hooks.before_update)
      hooks.before_update();
    const Tensor norm = clipped_norm(weights_, options_.clip);
    optimizer_.apply(norm);
    require_finite(norm.item(), "the gradient norm", step);
    if (hooks.after_update)
      hooks.after_update(lr);
    return result;
  }
  const auto work = [&](const Batch& images) {
    clear_gradients(weights_);
    StepResult result = enqueue_gradients(images, step, part_loss);
    if (hooks.before_update)
      hooks.before_update();
    update(optimizer_, weights_, options_.clip, result);
    return result;
  };
  const double p = network_.drop_probability();
  if (const bool drops = p > 0.0; drops != drops_) {
    repeated_.forget();  // other ops
    drops_ = drops;
  }
  drop_numbers_.put({static_cast<double>(step), p});
  if (drops_)
    moving_ = drop_numbers_.values();
  const Score result = (hooks.are_set() ? work(batch) : repeated_.run(batch, work)).read(step);
  if (hooks.after_update)
    hooks.after_update(lr);
  return result;
}

Score Trainer::evaluate(const Batch& batch, TestViews views, const SeeLogits& see) {
  const auto forward = [this](const Context& c, const Variable& x) { return network_.forward(c, x).logits; };
  return nas::evaluate(forward, batch, BatchNormMode::kRunning, views, see);
}

}  // namespace ockham::nas
