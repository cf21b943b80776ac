#pragma once
// The network of a genotype, trained from scratch after the search.
#include "nas/genotype/genotype.h"
#include "nas/network/frame.h"

namespace ockham::nas {

/// The usual sizes: CIFAR C = 36 with 20 cells, ImageNet C = 48 with 14 cells.
struct EvaluationSpec {
  FrameSpec frame{.cells = 20, .head_has_relu = false};
  bool has_auxiliary_head = false;  ///< DARTS's second classifier after cell 2*cells/3, in training only
};

/// Logits, and those of the auxiliary head where the pass trains and there is one.
struct EvaluationOutput {
  Variable logits;
  Variable auxiliary;
};

class EvaluationNetwork : public Module {
 public:
  /// Style, cells and operations by genotype.space: "darts" or "bayesnas".
  /// @throws UsageError as Frame and check(genotype)
  EvaluationNetwork(const Genotype& genotype, EvaluationSpec spec, Initial& initial);
  ~EvaluationNetwork() override;

  EvaluationOutput forward(const Context& context, const Variable& images);

  /// Probability with which regularisation drops in training passes: whole operations per sample in DARTS networks
  /// (drop path, Larsson et al. 2017), channels of every operation's output per sample in BayesNAS networks.
  /// Context::moving overrules it.
  void set_drop_probability(double p) { drop_probability_ = p; }
  double drop_probability() const { return drop_probability_; }
  const FrameSpec& frame_spec() const { return frame_->spec(); }

 private:
  double drop_probability_ = 0.0;
  Frame* frame_ = nullptr;
  Layer* auxiliary_ = nullptr;
};

}  // namespace ockham::nas
