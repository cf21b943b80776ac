#pragma once
// What the run of BayesNAS in its own spaces consists of (search_run.h).
#include "apps/cli/options/options.h"
#include "nas/methods/bayesnas/bayesnas.h"
#include "nas/spaces/cells/supernet.h"

namespace ockham::apps {

/// The network of --space with --channels, --cells, --nodes and the options of its variants.
nas::SupernetSpec supernet_spec_of(const Options& options, const nas::FrameSpec& data_frame);
nas::BayesNasOptions bayesnas_options_of(const Options& options);

}  // namespace ockham::apps
