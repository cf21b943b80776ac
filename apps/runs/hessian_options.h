#pragma once
// From options to how second derivatives are taken.
#include <string_view>

#include "apps/cli/options/options.h"
#include "autograd/hessian.h"
#include "autograd/module.h"

namespace ockham::apps {

/// Second-derivative options: --hessian, --hessian-algorithm, --memory-limit.
HessianOptions hessian_options_of(const Options& options);
/// Of "batch", "frozen" or "running".
BatchNormMode batch_norm_mode_of(std::string_view text);

}  // namespace ockham::apps
