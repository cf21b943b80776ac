#include "nas/methods/pgnas/pgnas_search.h"

#include <algorithm>

#include "nas/methods/weight_training.h"
#include "nas/train/trainer.h"

namespace ockham::nas {
namespace {

OwnedGatedNetwork make_network(const SearchSpace& space, const PgnasSearchOptions& options) {
  Initial initial{.seed = options.pgnas.seed, .dtype = options.dtype, .device = options.device};
  return space.make_gated(options.gates, initial);
}

}  // namespace

PgnasSearch::PgnasSearch(const SearchSpace& space, const PgnasSearchOptions& options, HeldOut held_out)
    : space_(space),
      options_(options),
      held_out_(std::move(held_out)),
      network_(make_network(space, options)),
      pgnas_(network(), options.pgnas) {}

Score PgnasSearch::step(const Batch& train, const Batch&, const StepPlace& place) {
  return pgnas_.step(train, place.lr, place.number);
}

void PgnasSearch::end_phase(std::size_t, const Pause& pause) {
  std::vector<Batch> batches;
  held_out_([&](const Batch& batch) {
    batches.push_back({.images = batch.images.clone(), .labels = batch.labels.clone()});
    return Score{};
  });
  // Batch statistics: the running ones are those of all operations together, not of one cell.
  const std::vector<RankedCell> ranked =
      rank_cells(space_, network(), batches, options_.draws, {.seed = options_.pgnas.seed},
                 {.batch_norm = BatchNormMode::kFrozenBatch, .pause = pause});
  ranked_.clear();
  for (const RankedCell& cell : ranked)
    ranked_.push_back({cell.cell, cell.score.accuracy(), cell.draws});
}

std::string PgnasSearch::derive() const {
  return ranked_.empty() ? likeliest_cell(space_, network().groups) : ranked_.front().cell;
}

Score PgnasSearch::evaluate(const Batch& batch, const SeeLogits& see) {
  keep_all(network().groups);
  return nas::evaluate(network().forward, batch, BatchNormMode::kFrozenBatch, TestViews::kOne, see);
}

std::vector<Figure> PgnasSearch::figures() const {
  double sum = 0.0, least = 1.0, most = 0.0;
  for (const GatedGroup& group : network().groups) {
    const double p = group.drop_probability();
    sum += p;
    least = std::min(least, p);
    most = std::max(most, p);
  }
  return {{"drop_mean", sum / static_cast<double>(network().groups.size())},
          {"drop_min", least},
          {"drop_max", most},
          {"divergence", pgnas_.divergence()}};
}

PosteriorTable PgnasSearch::posterior() const {
  std::vector<double> p(count_options(space_));
  for (const GatedGroup& group : network().groups)
    p[static_cast<std::size_t>(group.entry)] = group.drop_probability();
  return table_of(space_, {{"drop", p}});
}

std::map<std::string, Tensor> PgnasSearch::state() const {
  std::map<std::string, Tensor> result;
  add_network("", *network_.module, result);
  add_state("optim.", pgnas_.state(), result);
  return result;
}

void PgnasSearch::load(const std::map<std::string, Tensor>& state) {
  load_network("", *network_.module, state);
  pgnas_.load(part_of_state("optim.", state));
}

}  // namespace ockham::nas
