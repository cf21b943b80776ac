#include "nas/methods/trials/trial_search.h"

#include <algorithm>

#include "autograd/optim/schedule.h"
#include "autograd/optim/state.h"
#include "nas/train/trainer.h"

namespace ockham::nas {

TrialSearch::TrialSearch(const SearchSpace& space, const TrialSearchOptions& options, MakeProposals make_proposals,
                         HeldOut held_out)
    : space_(space), options_(options), make_proposals_(std::move(make_proposals)), held_out_(std::move(held_out)) {
  restart();
  begin_next();
}

void TrialSearch::restart() {
  proposals_ = make_proposals_();
  current_ = -1;
  judged_.clear();
}

void TrialSearch::begin_next() {
  ++current_;
  cell_ = proposals_->next();
  training_.reset();
  Initial initial{
      .seed = options_.seed + static_cast<std::uint64_t>(current_), .dtype = options_.dtype, .device = options_.device};
  network_ = space_.make_network(cell_, initial);
  network_.network.micro_batch = micro_batch_;
  training_.emplace(network_.network, options_.weights);
}

void TrialSearch::judge() {
  take(held_out_([this](const Batch& batch) { return evaluate(batch); }).accuracy());
}

void TrialSearch::take(double score) {
  judged_.push_back({cell_, score});
  proposals_->tell(score);
}

Score TrialSearch::step(const Batch& train, const Batch&, const StepPlace& place) {
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
      begin_next();
  }
  return score;
}

std::string TrialSearch::derive() const {
  if (judged_.empty())
    return cell_;
  return std::ranges::max_element(judged_, {}, &Candidate::score)->cell;  // the first of equals
}

Score TrialSearch::evaluate(const Batch& batch, const SeeLogits& see) {
  return nas::evaluate(network_.network.forward, batch, BatchNormMode::kFrozenBatch, TestViews::kOne, see);
}

std::vector<Figure> TrialSearch::figures() const {
  double best = 0.0;
  for (const Candidate& candidate : judged_)
    best = std::max(best, candidate.score);
  return {{"candidates", static_cast<double>(judged_.size())}, {"best", best}};
}

void TrialSearch::set_micro_batch(std::int64_t images) {
  micro_batch_ = images;
  network_.network.micro_batch = images;
}

std::map<std::string, Tensor> TrialSearch::state() const {
  std::vector<double> scores{static_cast<double>(current_)};
  for (const Candidate& candidate : judged_)
    scores.push_back(candidate.score);
  scores.resize(static_cast<std::size_t>(options_.candidates) + 1, -1.0);  // a fixed shape: -1 is not judged yet
  std::map<std::string, Tensor> result{
      {"trials.scores", Tensor::from(scores, {static_cast<std::int64_t>(scores.size())})}};
  add_network("network.", *network_.module, result);
  add_state("optim.", training_->optimizer().state(), result);
  return result;
}

void TrialSearch::load(const std::map<std::string, Tensor>& state) {
  const Tensor scores = stored_like(state, "trials.scores", Tensor::zeros({options_.candidates + 1}, DType::kFloat64));
  const double* numbers = scores.data<double>();
  if (!(numbers[0] >= 0.0 && numbers[0] < static_cast<double>(options_.candidates)))
    throw CheckpointError(concat("checkpoint: trials.scores begins with candidate ", numbers[0], ", but there are ",
                                 options_.candidates, "; the file is damaged."));
  const auto at = static_cast<std::int64_t>(numbers[0]);
  restart();
  for (std::int64_t c = 0; c <= at; ++c) {
    begin_next();  // cells follow from the scores before them
    if (numbers[c + 1] >= 0.0)
      take(numbers[c + 1]);
    else if (c < at)
      throw CheckpointError(concat("checkpoint: trials.scores lacks the score of candidate ", c, " before number ", at,
                                   "; the file is damaged."));
  }
  load_network("network.", *network_.module, state);
  training_->optimizer().load(part_of_state("optim.", state));
}

}  // namespace ockham::nas
