#include "nas/recurrent/identify.h"

#include <algorithm>

#include "autograd/optim/adam.h"
#include "autograd/reverse.h"
#include "ops/squared_error/squared_error.h"

namespace ockham::nas {
namespace {

/// Groups that share weights are families of their own, whose precisions add.
WeightPrior prior_of(RecurrentNetwork& network, const std::vector<Parameter*>& parameters, double lambda) {
  std::vector<FamilyPrior> families;
  for (const auto& groups : {state_groups(network, parameters), input_groups(network, parameters)}) {
    for (const WeightGroup& group : groups)
      families.push_back({.family = GroupFamily(group.name, {&group, 1})});
  }
  return {parameters, std::move(families), {.lambda = lambda}};
}

class Identification {
 public:
  Identification(RecurrentNetwork& network, const Recordings& recordings, const IdentifyOptions& options)
      : network_(network),
        recordings_(recordings),
        options_(options),
        parameters_(network.parameters(ParameterKind::kWeight)),
        prior_(prior_of(network, parameters_, options.lambda)),
        masks_(parameters_),
        optimizer_(parameters_, {}) {}

  void cycle(bool is_last) {
    for (std::int64_t step = 0; step < options_.steps; ++step)
      train(options_.lr * (1.0 - 0.9 * static_cast<double>(step) / static_cast<double>(options_.steps)));
    const auto record = [this](Tape& tape, std::size_t) { return BatchLoss{loss(tape), recordings_.inputs.size(0)}; };
    const WeightDerivatives derivatives = mean_derivatives(parameters_, 1, record, options_.hessian);
    if (options_.is_updated)
      prior_.update(derivatives.hessian, masks_);
    if (options_.is_dynamic || is_last)
      prune(derivatives);
  }

  double error() const {
    Tape tape;
    return loss(tape).value().item();
  }

 private:
  Variable loss(Tape& tape) const {
    return squared_error(network_.forward({.tape = &tape}, Variable(recordings_.inputs)),
                         Variable(recordings_.outputs));
  }

  void train(double lr) {
    Tape tape;
    backward(loss(tape));
    prior_.add_penalty_gradient();
    masks_.mask_gradients();
    optimizer_.step(lr);
  }

  void prune(const WeightDerivatives& derivatives) {
    for (const FamilyPrior& prior : prior_.families())
      masks_.prune(prior.family,
                   redundant_groups(prior, prior_.options(), masks_, derivatives.hessian, options_.threshold));
    masks_.apply(optimizer_);
  }

  RecurrentNetwork& network_;
  const Recordings& recordings_;
  const IdentifyOptions& options_;
  std::vector<Parameter*> parameters_;
  WeightPrior prior_;
  Masks masks_;
  Adam optimizer_;
};

}  // namespace

Identified identify(RecurrentNetwork& network, const Recordings& recordings, const IdentifyOptions& options) {
  Identification identification(network, recordings, options);
  for (std::int64_t cycle = 0; cycle < options.cycles; ++cycle)
    identification.cycle(cycle + 1 == options.cycles);
  Identified result{.kept = kept_states(network), .network = nullptr, .error = identification.error()};
  result.network = without_removed(network, result.kept);
  return result;
}

}  // namespace ockham::nas
