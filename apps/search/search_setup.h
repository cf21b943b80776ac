#pragma once
// From options to what a search consists of.
#include "apps/cli/options.h"
#include "apps/runs/hessian_options.h"
#include "apps/runs/precision.h"
#include "nas/methods/bayesnas/bayesnas.h"
#include "nas/spaces/cells/supernet.h"

namespace ockham::apps {

/// The network of --space with --channels, --cells, --nodes and the options of its variants.
nas::SupernetSpec supernet_spec_of(const Options& options, const nas::FrameSpec& data_frame);
/// Of --method bayesnas in --space. @throws UsageError for what it cannot honour
nas::BayesNasOptions bayesnas_options_of(const Options& options);

/// The evaluation network that `train` builds for a genotype under a preset of the same name.
struct EvaluationSize {
  std::int64_t channels;
  std::int64_t cells;
};
EvaluationSize evaluation_size_of(const std::string& preset);

}  // namespace ockham::apps
