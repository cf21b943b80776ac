#pragma once
// PGNAS on the cells of NAS-Bench-201: gates and weights learn as one posterior, cells are drawn from it and ranked on
// held-out images with the search network's weights. The method is Zhou et al., AAAI 2020 (arXiv:1906.09557); its use
// on a space of cells is an adaptation of ours (nas/nasbench201/gated_supernet.h).
#include "nas/nasbench201/search_space.h"
#include "nas/search/pgnas_cells.h"
#include "nas/search/search_method.h"

namespace ockham::nas {

struct PgnasSearchOptions {
  PgnasOptions pgnas = {};
  nasbench201::GatedSupernetSpec supernet = {};
  std::uint64_t draws = 100;  ///< cells drawn at the end; equal ones are judged once
  DType dtype = DType::kFloat32;
};

class PgnasSearch : public SearchMethod {
 public:
  /// `space` must outlive it.
  PgnasSearch(const nasbench201::Space& space, const PgnasSearchOptions& options, HeldOut held_out);

  /// Gates and weights learn from `train`, for theirs is one objective; held-out images are for ranking alone.
  Score step(const Batch& train, const Batch& valid, const StepPlace& place) override;
  /// Draws cells and ranks them.
  void finish(const Pause& pause) override;
  /// After finish() the best of the drawn; before, each edge's operation of the lowest drop probability, none where
  /// that is above one half.
  std::string derive() const override;
  /// By the network of all operations.
  Score evaluate(const Batch& batch) override;
  /// drop_mean, drop_min, drop_max: of the gates' probabilities; divergence: what the objective adds.
  std::vector<Figure> figures() const override;
  /// drop: the probability to drop an operation. none has no gate: 0.
  std::map<std::string, std::vector<double>> posterior() const override;
  std::vector<Candidate> candidates() const override { return ranked_; }
  void set_micro_batch(std::int64_t images) override { pgnas_->set_micro_batch(images); }
  std::map<std::string, Tensor> state() const override;
  void load(const std::map<std::string, Tensor>& state) override;

 private:
  std::vector<double> drop_probabilities() const;  // kAlphas

  const nasbench201::Space& space_;
  PgnasSearchOptions options_;
  HeldOut held_out_;
  std::unique_ptr<nasbench201::GatedSupernet> network_;
  std::unique_ptr<Pgnas> pgnas_;
  std::vector<Candidate> ranked_;  // after finish()
};

}  // namespace ockham::nas
