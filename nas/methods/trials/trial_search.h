#pragma once
// Search by trial: cells named one after another (proposals.h), each trained for an equal part of the steps, and the
// one that does best on held-out images. With random proposals what every search has to beat (Li and Talwalkar 2019,
// arXiv:1902.07638).
#include <optional>

#include "nas/methods/trials/proposals.h"
#include "nas/methods/weight_training.h"

namespace ockham::nas {

struct TrialSearchOptions {
  WeightOptions weights = {};
  double lr = 0.025;
  std::int64_t candidates = 4;
  std::uint64_t seed = 0;
  DType dtype = DType::kFloat32;
  Device device = {};
};

class TrialSearch : public SearchMethod {
 public:
  /// `space` must outlive it. @param held_out what candidates are judged on
  TrialSearch(const SearchSpace& space, const TrialSearchOptions& options, MakeProposals make_proposals,
              HeldOut held_out);

  /// The learning rate falls from options.lr to zero along a cosine within each candidate's part.
  Score step(const Batch& train, const Batch& valid, const StepPlace& place) override;
  /// Of the best candidate so far; before the first is judged, of the one in training.
  std::string derive() const override;
  Score evaluate(const Batch& batch, const SeeLogits& see = {}) override;
  /// candidates: how many were judged; best: the held-out accuracy of the best.
  std::vector<Figure> figures() const override;
  PosteriorTable posterior() const override { return {}; }
  std::vector<Candidate> candidates() const override { return judged_; }
  void set_micro_batch(std::int64_t images) override;
  std::map<std::string, Tensor> state() const override;
  void load(const std::map<std::string, Tensor>& state) override;

 private:
  void restart();
  void begin_next();
  void judge();
  void take(double score);

  const SearchSpace& space_;
  TrialSearchOptions options_;
  MakeProposals make_proposals_;
  HeldOut held_out_;
  std::int64_t micro_batch_ = 0;
  std::unique_ptr<Proposals> proposals_;
  std::int64_t current_ = -1;
  std::string cell_;  // of the current candidate
  OwnedNetwork network_;
  std::optional<WeightTraining> training_;
  std::vector<Candidate> judged_;
};

}  // namespace ockham::nas
