#pragma once
// PGNAS on a space of cells: gates and weights learn as one posterior, cells are drawn from it and ranked on held-out
// images with the search network's weights. The method is Zhou et al., AAAI 2020 (arXiv:1906.09557); its use on cells
// is an adaptation of ours (nas/spaces/mixing.h).
#include "nas/methods/method.h"
#include "nas/methods/pgnas/pgnas_cells.h"

namespace ockham::nas {

struct PgnasSearchOptions {
  PgnasOptions pgnas = {};
  GateOptions gates = {};
  std::uint64_t draws = 100;  ///< cells drawn at the end; equal ones are judged once
  DType dtype = DType::kFloat32;
  Device device = {};
};

class PgnasSearch : public SearchMethod {
 public:
  /// `space` must outlive it. @throws UsageError for a space whose search network has no gates
  PgnasSearch(const SearchSpace& space, const PgnasSearchOptions& options, HeldOut held_out);

  /// Gates and weights learn from `train`, for theirs is one objective; held-out images are for ranking alone.
  Score step(const Batch& train, const Batch& valid, const StepPlace& place) override;
  /// Draws cells and ranks them.
  void end_phase(std::size_t phase, const Pause& pause) override;
  /// After end_phase() the best of the drawn; before, likeliest_cell().
  std::string derive() const override;
  /// By the network of all operations.
  Score evaluate(const Batch& batch, const SeeLogits& see = {}) override;
  /// drop_mean, drop_min, drop_max: of the gates' probabilities; divergence: what the objective adds.
  std::vector<Figure> figures() const override;
  /// drop: the probability to drop an option. none has no gate: 0.
  PosteriorTable posterior() const override;
  std::vector<Candidate> candidates() const override { return ranked_; }
  void set_micro_batch(std::int64_t images) override { pgnas_.set_micro_batch(images); }
  std::map<std::string, Tensor> state() const override;
  void load(const std::map<std::string, Tensor>& state) override;

 private:
  const GatedNetwork& network() const { return network_.network; }

  const SearchSpace& space_;
  PgnasSearchOptions options_;
  HeldOut held_out_;
  OwnedGatedNetwork network_;
  Pgnas pgnas_;
  std::vector<Candidate> ranked_;  // after end_phase()
};

}  // namespace ockham::nas
