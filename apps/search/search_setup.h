#pragma once
// From options to what a search consists of.
#include "apps/cli/options.h"
#include "apps/runs/hessian_options.h"
#include "apps/runs/precision.h"
#include "nas/methods/bayesnas/bayesnas.h"

namespace ockham::apps {

/// The network of --space with --channels, --cells, --nodes and the options of its variants.
nas::SupernetSpec supernet_spec_of(const Options& options, const nas::FrameSpec& data_frame);
nas::BayesNasOptions bayesnas_options_of(const Options& options);
nas::UpdateOrder update_order_of(const Options& options);

/// The evaluation network that `train` builds for a genotype under a preset of the same name.
struct EvaluationSize {
  std::int64_t channels;
  std::int64_t cells;
};
EvaluationSize evaluation_size_of(const std::string& preset);

}  // namespace ockham::apps
