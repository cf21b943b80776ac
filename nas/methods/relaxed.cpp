#include "nas/methods/relaxed.h"

#include "nas/train/parameter_vectors.h"
#include "nas/train/trainer.h"

namespace ockham::nas {
namespace {

OwnedNetwork make_supernet(const SearchSpace& space, const RelaxedOptions& options) {
  Initial initial{.seed = options.seed, .dtype = options.dtype, .device = options.device};
  return space.make_supernet(initial);
}

}  // namespace

RelaxedMethod::RelaxedMethod(const SearchSpace& space, const RelaxedOptions& options)
    : space_(space),
      options_(options),
      owned_(make_supernet(space, options)),
      weights_(owned_.network, options.weights) {}

Score RelaxedMethod::step(const Batch& train, const Batch& valid, const StepPlace& place) {
  architecture_step(train, valid, place);
  return weights_.step(train, place);
}

std::vector<double> RelaxedMethod::logits() const {
  return numbers_of(network().architecture);
}

std::string RelaxedMethod::cell_of(std::span<const double> numbers) const {
  return options_.skip_cap < 0 ? space_.derive(numbers) : derive_with_skip_cap(space_, numbers, options_.skip_cap);
}

std::string RelaxedMethod::derive() const {
  return cell_of(logits());
}

Score RelaxedMethod::evaluate(const Batch& batch, const SeeLogits& see) {
  return nas::evaluate(network().forward, batch, BatchNormMode::kFrozenBatch, TestViews::kOne, see);
}

std::vector<Figure> RelaxedMethod::figures() const {
  return {{"entropy", mean_entropy(space_, logits())}};
}

PosteriorTable RelaxedMethod::posterior() const {
  const std::vector<double> numbers = logits();
  return table_of(space_, {{"mean", numbers}, {"probability", probabilities(space_, numbers)}});
}

std::map<std::string, Tensor> RelaxedMethod::state() const {
  std::map<std::string, Tensor> result;
  add_network("", *owned_.module, result);
  add_state("optim.weights.", weights_.optimizer().state(), result);
  return result;
}

void RelaxedMethod::load(const std::map<std::string, Tensor>& state) {
  load_network("", *owned_.module, state);
  weights_.optimizer().load(part_of_state("optim.weights.", state));
}

}  // namespace ockham::nas
