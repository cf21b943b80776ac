#pragma once
// What searches by gradient on softmax logits have in common (DARTS, BaLeNAS): one search network, an architecture step
// on held-out images, then a weight step on training images, and the cell of the largest logits.
#include "nas/methods/weight_training.h"

namespace ockham::nas {

struct RelaxedOptions {
  WeightOptions weights = {};
  double architecture_lr = 3e-4;
  std::int64_t skip_cap = -1;  ///< most skip connections of the derived cell; -1: no limit
  std::uint64_t seed = 0;
  DType dtype = DType::kFloat32;
  Device device = {};
};

class RelaxedMethod : public SearchMethod {
 public:
  /// `space` must outlive it.
  RelaxedMethod(const SearchSpace& space, const RelaxedOptions& options);

  Score step(const Batch& train, const Batch& valid, const StepPlace& place) override;
  std::string derive() const override;
  /// Batch norm on the batch's own statistics, as the published search networks do.
  Score evaluate(const Batch& batch, const SeeLogits& see = {}) override;
  const SearchNetwork* relaxed() const override { return &network(); }
  /// entropy: mean over choices, in nats.
  std::vector<Figure> figures() const override;
  PosteriorTable posterior() const override;
  void set_micro_batch(std::int64_t images) override { owned_.network.micro_batch = images; }
  std::map<std::string, Tensor> state() const override;
  void load(const std::map<std::string, Tensor>& state) override;

 protected:
  /// Moves the logits.
  virtual void architecture_step(const Batch& train, const Batch& valid, const StepPlace& place) = 0;

  const SearchSpace& space() const { return space_; }
  const RelaxedOptions& options() const { return options_; }
  const SearchNetwork& network() const { return owned_.network; }
  WeightTraining& weights() { return weights_; }
  /// All logits, one after another.
  std::vector<double> logits() const;
  /// Of any numbers in their place, under the skip cap.
  std::string cell_of(std::span<const double> numbers) const;

 private:
  const SearchSpace& space_;
  RelaxedOptions options_;
  OwnedNetwork owned_;
  WeightTraining weights_;
};

}  // namespace ockham::nas
