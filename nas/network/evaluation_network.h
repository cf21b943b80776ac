#pragma once
// The network of a genotype, trained from scratch after the search.
#include "nas/genotype/genotype.h"
#include "nas/network/classifier.h"
#include "nas/network/frame.h"

namespace ockham::nas {

/// The usual sizes: CIFAR C = 36 with 20 cells, ImageNet C = 48 with 14 cells.
struct EvaluationSpec {
  FrameSpec frame{.cells = 20, .head_has_relu = false};
  bool has_auxiliary_head = false;  ///< DARTS's second classifier after cell 2*cells/3, in training only
};

class EvaluationNetwork : public Classifier {
 public:
  /// Style, cells and operations by genotype.space: "darts" or "bayesnas".
  /// @throws UsageError as Frame and check(genotype)
  EvaluationNetwork(const Genotype& genotype, EvaluationSpec spec, Initial& initial);
  ~EvaluationNetwork() override;

  /// Drops whole operations per sample in DARTS networks (drop path, Larsson et al. 2017), channels of every
  /// operation's output per sample in BayesNAS networks.
  ClassifierOutput forward(const Context& context, const Variable& images) override;
  Whitening* whitening() override { return frame_->whitening(); }
  const FrameSpec& frame_spec() const { return frame_->spec(); }

 private:
  Frame* frame_ = nullptr;
  Layer* auxiliary_ = nullptr;
};

}  // namespace ockham::nas
