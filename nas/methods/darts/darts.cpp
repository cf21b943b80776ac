#include "nas/methods/darts/darts.h"

#include "engine/log.h"
#include "nas/methods/darts/darts_gradient.h"

namespace ockham::nas {

Darts::Darts(const SearchSpace& space, const DartsOptions& options)
    : RelaxedMethod(space, options.relaxed),
      options_(options),
      adam_(network().architecture, options.adam),
      repeated_(network().module->state()) {
  if (options_.is_second_order && !options.relaxed.device.is_cpu())
    log_text(
        LogLevel::kWarning, options.relaxed.device,
        ": architecture steps of second order are not recorded but run one launch at a time: how far they move the "
        "weights is a number that the host reads.");
}

void Darts::architecture_step(const Batch& train, const Batch& valid, const StepPlace& place) {
  if (!options_.is_second_order && network().takes_whole(valid)) {
    adam_.prepare(options().architecture_lr);
    const auto work = [this](const Batch& images) {
      const StepResult result = network().enqueue_gradients(images);
      adam_.apply(result.permission());
      return result;
    };
    repeated_.run(valid, work).read(place.number);
    return;
  }
  if (options_.is_second_order) {
    const SgdOptions& sgd = weights().options().sgd;
    second_order_gradient(
        network(), train, valid,
        {.lr = place.lr, .momentum = sgd.momentum, .weight_decay = sgd.weight_decay, .sgd = &weights().optimizer()});
  } else {
    network().differentiate(valid, place.number);
  }
  adam_.step(options().architecture_lr);
}

std::map<std::string, Tensor> Darts::state() const {
  std::map<std::string, Tensor> result = RelaxedMethod::state();
  add_state("optim.architecture.", adam_.state(), result);
  return result;
}

void Darts::load(const std::map<std::string, Tensor>& state) {
  RelaxedMethod::load(state);
  adam_.load(part_of_state("optim.architecture.", state));
}

}  // namespace ockham::nas
