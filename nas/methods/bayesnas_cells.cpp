#include "nas/methods/bayesnas_cells.h"

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

namespace nb201 = nasbench201;
using nb201::kAlphas, nb201::kEdges, nb201::kOperations;

OwnedNetwork make_network(const nb201::Space& space, const BayesNasCellsOptions& options) {
  Initial initial{.seed = options.seed, .dtype = options.dtype};
  auto supernet = std::make_unique<nb201::SwitchSupernet>(space.search_spec(), initial);
  std::vector<Parameter*> switches = supernet->switches();
  return owned(std::move(supernet), std::move(switches));
}

bool is_none(std::int64_t branch) {
  return branch % kOperations == 0;
}

}  // namespace

BayesNasCells::BayesNasCells(const nb201::Space& space, const BayesNasCellsOptions& options, HeldOut held_out)
    : space_(space),
      options_(options),
      held_out_(std::move(held_out)),
      owned_(make_network(space, options)),
      weights_(owned_.network, options.weights),
      switch_optimizer_(owned_.network.architecture, {.momentum = options.switch_momentum}) {}

std::vector<double> BayesNasCells::switches_of(std::int64_t branch) const {
  std::vector<double> w;
  for (const Parameter* cell : owned_.network.architecture)
    w.push_back(element(cell->value, static_cast<std::size_t>(branch)));
  return w;
}

double BayesNasCells::rms_of(std::int64_t branch) const {
  const std::vector<double> w = switches_of(branch);
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
  for (std::int64_t branch = 0; branch < kAlphas; ++branch) {
    if (is_none(branch))
      continue;
    std::vector<double> w = switches_of(branch);
    shrink_group(w, threshold);
    for (std::size_t cell = 0; cell < w.size(); ++cell)
      set_element(owned_.network.architecture[cell]->value, static_cast<std::size_t>(branch), w[cell]);
  }
}

std::vector<Tensor> BayesNasCells::hessian_of(const Batch& batch, const HessianOptions& options) const {
  const MemoryScope scope(MemoryClass::kCurvature);
  Tape tape;
  const Context context{.tape = &tape, .batch_norm = BatchNormMode::kFrozenBatch};
  const Variable logits = owned_.network.forward(context, batch.images);
  return hessian_diagonal(softmax_cross_entropy(logits, batch.labels), owned_.network.architecture, options).diagonal;
}

void BayesNasCells::finish(const Pause&) {
  update_groups(hessian_of(first_images(held_out_, options_.hessian_images, options_.dtype), options_.hessian));
}

void BayesNasCells::rehearse_finish(const Batch& images) {
  HessianOptions hessian = options_.hessian;
  // As many directions at once as the whole pass will have; where memory is limited it makes do with one.
  hessian.directions = hessian.memory_limit != 0 ? 1 : hessian.directions;
  hessian.memory_limit = 0;
  hessian.cache_bytes = hessian.cache_bytes * static_cast<std::size_t>(images.images.size(0)) /
                        static_cast<std::size_t>(options_.hessian_images);
  hessian_of({.images = images.images.to(options_.dtype), .labels = images.labels}, hessian);
}

void BayesNasCells::update_groups(const std::vector<Tensor>& hessian) {
  groups_.assign(kAlphas, {});
  std::array<double, 4> into{};  // sum of own variances of all operations on the edges into a node
  into[0] = std::numeric_limits<double>::infinity();
  for (std::int64_t e = 0; e < kEdges; ++e) {  // edges are in topological order
    const nb201::EdgeEnds ends = nb201::kEdgeEnds[static_cast<std::size_t>(e)];
    for (std::int64_t o = 1; o < kOperations; ++o) {
      const std::int64_t branch = e * kOperations + o;
      SwitchGroup& group = groups_[static_cast<std::size_t>(branch)];
      group.w = switches_of(branch);
      for (const Tensor& cell : hessian)
        group.hessian.push_back(cell.data<double>()[branch]);
      update_group(group.state, group.w, group.hessian, options_.lambda, options_.laplace);
      group.effective = effective_variance(group.state.gamma, into[static_cast<std::size_t>(ends.from)]);
      group.pruned_round = is_redundant(group.effective) ? 1 : 0;
      into[static_cast<std::size_t>(ends.to)] += group.state.gamma;
    }
  }
}

std::string BayesNasCells::derive() const {
  std::vector<double> numbers(kAlphas);
  for (std::int64_t branch = 0; branch < kAlphas; ++branch) {
    const auto i = static_cast<std::size_t>(branch);
    if (is_none(branch))
      numbers[i] = 0.0;  // loses against whatever is kept
    else if (groups_.empty())
      numbers[i] = rms_of(branch);
    else
      numbers[i] = groups_[i].pruned() ? -1.0 : groups_[i].effective;
  }
  return space_.derive(numbers);
}

Score BayesNasCells::evaluate(const Batch& batch) {
  return nas::evaluate(owned_.network.forward, batch, BatchNormMode::kFrozenBatch);
}

std::vector<Figure> BayesNasCells::figures() const {
  double sum = 0.0, least = HUGE_VAL, zeros = 0.0;
  for (std::int64_t branch = 0; branch < kAlphas; ++branch) {
    if (is_none(branch))
      continue;
    const double rms = rms_of(branch);
    sum += rms;
    least = std::min(least, rms);
    zeros += rms == 0.0;
  }
  return {{"norm_mean", sum / static_cast<double>(kEdges * (kOperations - 1))}, {"norm_min", least}, {"zeros", zeros}};
}

std::map<std::string, std::vector<double>> BayesNasCells::posterior() const {
  std::map<std::string, std::vector<double>> columns;
  for (std::int64_t branch = 0; branch < kAlphas; ++branch) {
    columns["norm"].push_back(is_none(branch) ? 0.0 : rms_of(branch));
    if (groups_.empty())
      continue;
    const SwitchGroup& group = groups_[static_cast<std::size_t>(branch)];
    const auto cells = static_cast<double>(std::max<std::size_t>(1, group.hessian.size()));
    columns["hessian"].push_back(std::accumulate(group.hessian.begin(), group.hessian.end(), 0.0) / cells);
    columns["variance"].push_back(is_none(branch) ? 0.0 : group.effective);
    columns["kept"].push_back(is_none(branch) || group.pruned() ? 0.0 : 1.0);
  }
  return columns;
}

std::map<std::string, Tensor> BayesNasCells::state() const {
  std::map<std::string, Tensor> result;
  add_network("", *owned_.module, result);
  add_state("optim.weights.", weights_.optimizer().state(), result);
  add_state("optim.switches.", switch_optimizer_.state(), result);
  return result;
}

void BayesNasCells::load(const std::map<std::string, Tensor>& state) {
  load_network("", *owned_.module, state);
  weights_.optimizer().load(part_of_state("optim.weights.", state));
  switch_optimizer_.load(part_of_state("optim.switches.", state));
}

}  // namespace ockham::nas
