#include "nas/methods/random/random_search.h"

#include <algorithm>

#include "autograd/optim/schedule.h"
#include "autograd/optim/state.h"
#include "nas/train/trainer.h"

namespace ockham::nas {

RandomSearch::RandomSearch(const SearchSpace& space, const RandomSearchOptions& options, HeldOut held_out)
    : space_(space), options_(options), held_out_(std::move(held_out)) {
  begin(0);
}

std::string RandomSearch::cell_of(std::int64_t candidate) const {
  return random_cell(space_, {options_.seed, Purpose::kArchitecture, static_cast<std::uint64_t>(candidate)});
}

void RandomSearch::begin(std::int64_t candidate) {
  current_ = candidate;
  training_.reset();
  Initial initial{.seed = options_.seed + static_cast<std::uint64_t>(candidate),
                  .dtype = options_.dtype,
                  .device = options_.device};
  network_ = space_.make_network(cell_of(candidate), initial);
  network_.network.micro_batch = micro_batch_;
  training_.emplace(network_.network, options_.weights);
}

void RandomSearch::judge() {
  const Score score = held_out_([this](const Batch& batch) { return evaluate(batch); });
  judged_.push_back({cell_of(current_), score.accuracy()});
}

Score RandomSearch::step(const Batch& train, const Batch&, const StepPlace& place) {
  // Candidate c has the steps [c total / n, (c + 1) total / n).
  const auto n = std::min(static_cast<std::uint64_t>(options_.candidates), place.total);
  const auto begin_of = [&](std::uint64_t c) { return c * place.total / n; };
  const auto c = static_cast<std::uint64_t>(current_);
  const std::uint64_t begin_step = begin_of(c), end_step = begin_of(c + 1);
  StepPlace within = place;
  within.lr = Schedule{.kind = Schedule::Kind::kCosine,
                       .initial = options_.lr,
                       .epochs = static_cast<std::int64_t>(end_step - begin_step)}
                  .at(static_cast<std::int64_t>(place.number - begin_step));
  const Score score = training_->step(train, within);
  if (place.number + 1 == end_step) {
    judge();
    if (c + 1 < n)
      begin(current_ + 1);
  }
  return score;
}

std::string RandomSearch::derive() const {
  if (judged_.empty())
    return cell_of(current_);
  return std::ranges::max_element(judged_, {}, &Candidate::score)->cell;  // the first of equals
}

Score RandomSearch::evaluate(const Batch& batch, const SeeLogits& see) {
  return nas::evaluate(network_.network.forward, batch, BatchNormMode::kFrozenBatch, TestViews::kOne, see);
}

std::vector<Figure> RandomSearch::figures() const {
  double best = 0.0;
  for (const Candidate& candidate : judged_)
    best = std::max(best, candidate.score);
  return {{"candidates", static_cast<double>(judged_.size())}, {"best", best}};
}

void RandomSearch::set_micro_batch(std::int64_t images) {
  micro_batch_ = images;
  network_.network.micro_batch = images;
}

std::map<std::string, Tensor> RandomSearch::state() const {
  std::vector<double> scores{static_cast<double>(current_)};
  for (const Candidate& candidate : judged_)
    scores.push_back(candidate.score);
  scores.resize(static_cast<std::size_t>(options_.candidates) + 1, -1.0);  // a fixed shape: -1 is not judged yet
  std::map<std::string, Tensor> result{
      {"random.scores", Tensor::from(scores, {static_cast<std::int64_t>(scores.size())})}};
  add_network("network.", *network_.module, result);
  add_state("optim.", training_->optimizer().state(), result);
  return result;
}

void RandomSearch::load(const std::map<std::string, Tensor>& state) {
  const Tensor scores = stored_like(state, "random.scores", Tensor::zeros({options_.candidates + 1}, DType::kFloat64));
  const double* numbers = scores.data<double>();
  if (!(numbers[0] >= 0.0 && numbers[0] < static_cast<double>(options_.candidates)))
    throw CheckpointError(concat("checkpoint: random.scores begins with candidate ", numbers[0], ", but there are ",
                                 options_.candidates, "; the file is damaged."));
  begin(static_cast<std::int64_t>(numbers[0]));
  judged_.clear();
  for (std::int64_t c = 0; c < options_.candidates && numbers[c + 1] >= 0.0; ++c)
    judged_.push_back({cell_of(c), numbers[c + 1]});
  load_network("network.", *network_.module, state);
  training_->optimizer().load(part_of_state("optim.", state));
}

}  // namespace ockham::nas
