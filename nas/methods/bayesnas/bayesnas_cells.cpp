#include "nas/methods/bayesnas/bayesnas_cells.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "engine/allocator.h"
#include "nas/bayes/entropy.h"
#include "nas/bayes/sparse_prior.h"
#include "nas/element.h"
#include "nas/methods/held_out.h"
#include "nas/train/trainer.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"

namespace ockham::nas {
namespace {

SwitchNetwork make_switches(const SearchSpace& space, const BayesNasCellsOptions& options) {
  Initial initial{.seed = options.seed, .dtype = options.dtype};
  return space.make_switches(initial);
}

}  // namespace

BayesNasCells::BayesNasCells(const SearchSpace& space, const BayesNasCellsOptions& options, HeldOut held_out)
    : space_(space),
      options_(options),
      held_out_(std::move(held_out)),
      net_(make_switches(space, options)),
      weights_(net_.owned.network, options.weights),
      switch_optimizer_(net_.owned.network.architecture, {.momentum = options.switch_momentum}) {
  find_switches();
}

void BayesNasCells::find_switches() {
  switches_.resize(net_.places.size());
  std::size_t number = 0;
  for (std::size_t p = 0; p < net_.owned.network.architecture.size(); ++p) {
    const auto count = static_cast<std::size_t>(net_.owned.network.architecture[p]->value.numel());
    for (std::size_t entry = 0; entry < count; ++entry) {
      switches_[number].push_back({p, entry});
      number = (number + 1) % switches_.size();
    }
  }
  OCKHAM_ASSERT(number == 0);
}

std::vector<double> BayesNasCells::switches_of(std::size_t number) const {
  std::vector<double> w;
  for (const Place& place : switches_[number])
    w.push_back(element(net_.owned.network.architecture[place.parameter]->value, place.entry));
  return w;
}

double BayesNasCells::rms_of(std::size_t number) const {
  const std::vector<double> w = switches_of(number);
  return group_norm(w) / std::sqrt(static_cast<double>(w.size()));
}

Score BayesNasCells::step(const Batch& train, const Batch&, const StepPlace& place) {
  const Score score = weights_.step(train, place);
  if (static_cast<double>(place.number) >= options_.warmup * static_cast<double>(place.total)) {
    switch_optimizer_.step(options_.switch_lr);
    shrink(options_.switch_lr * options_.lambda);
  }
  return score;
}

void BayesNasCells::shrink(double threshold) {
  for (std::size_t i = 0; i < net_.places.size(); ++i) {
    if (!is_switch(i))
      continue;
    std::vector<double> w = switches_of(i);
    shrink_group(w, threshold);
    for (std::size_t cell = 0; cell < w.size(); ++cell) {
      const Place& place = switches_[i][cell];
      set_element(net_.owned.network.architecture[place.parameter]->value, place.entry, w[cell]);
    }
  }
}

std::vector<Tensor> BayesNasCells::hessian_of(const Batch& batch, const HessianOptions& options) const {
  const MemoryScope scope(MemoryClass::kCurvature);
  Tape tape;
  const Context context{.tape = &tape, .batch_norm = BatchNormMode::kFrozenBatch};
  const Variable logits = net_.owned.network.forward(context, batch.images);
  return hessian_diagonal(softmax_cross_entropy(logits, batch.labels), net_.owned.network.architecture, options)
      .diagonal;
}

void BayesNasCells::finish(const Pause&) {
  update_groups(hessian_of(first_images(held_out_, options_.hessian_images, options_.dtype), options_.hessian));
}

void BayesNasCells::rehearse_finish(const Batch& images) {
  HessianOptions hessian = rehearsal_of(options_.hessian, images.images.size(0), options_.hessian_images);
  if (options_.hessian.memory_limit != 0)
    hessian.directions = 1;  // where memory is limited the pass makes do with one
  hessian_of({.images = images.images.to(options_.dtype), .labels = images.labels}, hessian);
}

void BayesNasCells::update_groups(const std::vector<Tensor>& hessian) {
  groups_.assign(net_.places.size(), {});
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    if (!is_switch(i))
      continue;
    SwitchGroup& group = groups_[i];
    group.w = switches_of(i);
    for (const Place& place : switches_[i])
      group.hessian.push_back(hessian[place.parameter].data<double>()[place.entry]);
    update_group(group.state, group.w, group.hessian, options_.lambda, options_.laplace);
  }
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    groups_[i].effective = effective_variance(groups_[i].state.gamma, gate_of(i));
    groups_[i].pruned_round = is_redundant(groups_[i].effective) ? 1 : 0;
  }
}

double BayesNasCells::gate_of(std::size_t number) const {
  const std::vector<std::size_t>& gates = net_.places[number].gates;
  if (gates.empty())
    return std::numeric_limits<double>::infinity();
  double sum = 0.0;
  for (const std::size_t gate : gates)
    sum += groups_[gate].state.gamma;
  return sum;
}

double BayesNasCells::strength_of(std::size_t number) const {
  if (!is_switch(number))
    return 0.0;  // between what is kept and what is pruned
  if (groups_.empty())
    return rms_of(number);
  // Options of one choice may stand behind different gates. Compared behind them, what has no gate, such as an edge
  // from the cell's input, would win however weak it is.
  const double own = groups_[number].state.gamma;
  return groups_[number].pruned() ? -1.0 / own : own;
}

std::string BayesNasCells::derive() const {
  std::vector<double> numbers;
  for (std::size_t i = 0; i < net_.places.size(); ++i)
    numbers.push_back(strength_of(i));
  return space_.derive(numbers);
}

Score BayesNasCells::evaluate(const Batch& batch) {
  return nas::evaluate(net_.owned.network.forward, batch, BatchNormMode::kFrozenBatch);
}

std::vector<Figure> BayesNasCells::figures() const {
  double sum = 0.0, least = HUGE_VAL, zeros = 0.0, count = 0.0;
  for (std::size_t i = 0; i < net_.places.size(); ++i) {
    if (!is_switch(i))
      continue;
    const double rms = rms_of(i);
    sum += rms;
    least = std::min(least, rms);
    zeros += rms == 0.0;
    count += 1.0;
  }
  return {{"norm_mean", sum / count}, {"norm_min", least}, {"zeros", zeros}};
}

std::map<std::string, std::vector<double>> BayesNasCells::posterior() const {
  std::map<std::string, std::vector<double>> columns;
  for (std::size_t i = 0; i < net_.places.size(); ++i) {
    columns["norm"].push_back(is_switch(i) ? rms_of(i) : 0.0);
    if (groups_.empty())
      continue;
    const SwitchGroup& group = groups_[i];
    const auto cells = static_cast<double>(std::max<std::size_t>(1, group.hessian.size()));
    columns["hessian"].push_back(std::accumulate(group.hessian.begin(), group.hessian.end(), 0.0) / cells);
    columns["gamma"].push_back(is_switch(i) ? group.state.gamma : 0.0);
    columns["variance"].push_back(is_switch(i) ? group.effective : 0.0);
    columns["kept"].push_back(is_switch(i) && !group.pruned() ? 1.0 : 0.0);
  }
  return columns;
}

std::map<std::string, Tensor> BayesNasCells::state() const {
  std::map<std::string, Tensor> result;
  add_network("", *net_.owned.module, result);
  add_state("optim.weights.", weights_.optimizer().state(), result);
  add_state("optim.switches.", switch_optimizer_.state(), result);
  return result;
}

void BayesNasCells::load(const std::map<std::string, Tensor>& state) {
  load_network("", *net_.owned.module, state);
  weights_.optimizer().load(part_of_state("optim.weights.", state));
  switch_optimizer_.load(part_of_state("optim.switches.", state));
}

}  // namespace ockham::nas
