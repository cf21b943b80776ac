#include "nas/methods/pgnas.h"

#include <algorithm>

#include "nas/methods/weight_training.h"
#include "nas/train/trainer.h"

namespace ockham::nas {
namespace {

namespace nb201 = nasbench201;

std::unique_ptr<nb201::GatedSupernet> make_network(const PgnasSearchOptions& options) {
  Initial initial{.seed = options.pgnas.seed, .dtype = options.dtype};
  return std::make_unique<nb201::GatedSupernet>(options.supernet, initial);
}

}  // namespace

PgnasSearch::PgnasSearch(const nb201::Space& space, const PgnasSearchOptions& options, HeldOut held_out)
    : space_(space),
      options_(options),
      held_out_(std::move(held_out)),
      network_(make_network(options)),
      pgnas_(std::make_unique<Pgnas>(gated(*network_), options.pgnas)) {}

Score PgnasSearch::step(const Batch& train, const Batch&, const StepPlace& place) {
  return pgnas_->step(train, place.lr, place.number);
}

std::vector<double> PgnasSearch::drop_probabilities() const {
  std::vector<double> p(nb201::kAlphas, 0.0);
  for (const GatedGroup& group : network_->groups())
    p[static_cast<std::size_t>(group.entry)] = group.drop_probability();
  return p;
}

void PgnasSearch::finish(const Pause& pause) {
  std::vector<Batch> batches;
  held_out_([&](const Batch& batch) {
    batches.push_back({.images = batch.images.clone(), .labels = batch.labels.clone()});
    return Score{};
  });
  // Batch statistics: the running ones are those of all operations together, not of one cell.
  const std::vector<RankedCell> ranked = rank_cells(*network_, batches, options_.draws, {.seed = options_.pgnas.seed},
                                                    {.batch_norm = BatchNormMode::kFrozenBatch, .pause = pause});
  ranked_.clear();
  for (const RankedCell& cell : ranked)
    ranked_.push_back({nb201::to_string(cell.cell), cell.score.accuracy(), cell.draws});
}

std::string PgnasSearch::derive() const {
  if (!ranked_.empty())
    return ranked_.front().cell;
  const std::vector<double> p = drop_probabilities();
  std::vector<double> keep;
  for (std::size_t i = 0; i < p.size(); ++i)
    keep.push_back(i % nb201::kOperations == 0 ? 0.5 : 1.0 - p[i]);
  return space_.derive(keep);
}

Score PgnasSearch::evaluate(const Batch& batch) {
  keep_all(pgnas_->network().groups);
  return nas::evaluate(pgnas_->network().forward, batch, BatchNormMode::kFrozenBatch);
}

std::vector<Figure> PgnasSearch::figures() const {
  double sum = 0.0, least = 1.0, most = 0.0;
  const std::vector<double> p = drop_probabilities();
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (i % nb201::kOperations == 0)
      continue;
    sum += p[i];
    least = std::min(least, p[i]);
    most = std::max(most, p[i]);
  }
  return {{"drop_mean", sum / static_cast<double>(nb201::kEdges * (nb201::kOperations - 1))},
          {"drop_min", least},
          {"drop_max", most},
          {"divergence", pgnas_->divergence()}};
}

std::map<std::string, std::vector<double>> PgnasSearch::posterior() const {
  return {{"drop", drop_probabilities()}};
}

std::map<std::string, Tensor> PgnasSearch::state() const {
  std::map<std::string, Tensor> result;
  add_network("", *network_, result);
  add_state("optim.", pgnas_->state(), result);
  return result;
}

void PgnasSearch::load(const std::map<std::string, Tensor>& state) {
  load_network("", *network_, state);
  pgnas_->load(part_of_state("optim.", state));
}

}  // namespace ockham::nas
