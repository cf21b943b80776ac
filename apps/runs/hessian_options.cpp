#include "apps/runs/hessian_options.h"

namespace ockham::apps {

BatchNormMode batch_norm_mode_of(std::string_view text) {
  if (text == "batch")
    return BatchNormMode::kBatch;
  return text == "frozen" ? BatchNormMode::kFrozenBatch : BatchNormMode::kRunning;
}

HessianOptions hessian_options_of(const Options& options) {
  HessianOptions hessian;
  const std::string& mode = options.text("hessian");
  hessian.curvature = mode == "recursion"      ? Curvature::kRecursion
                      : mode == "gauss_newton" ? Curvature::kGaussNewton
                                               : Curvature::kExact;
  const std::string& algorithm = options.text("hessian-algorithm");
  hessian.algorithm = algorithm == "reverse"   ? HessianAlgorithm::kReverse
                      : algorithm == "forward" ? HessianAlgorithm::kForward
                                               : HessianAlgorithm::kAuto;
  if (options.is_set("memory-limit"))
    hessian.memory_limit = options.size("memory-limit");
  return hessian;
}

}  // namespace ockham::apps
