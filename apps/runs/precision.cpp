#include "apps/runs/precision.h"

namespace ockham::apps {

Precision precision_of(const Options& options) {
  const std::string& precision = options.text("precision");
  if (precision == "bf16")
    return {.weights = DType::kFloat32, .maps = DType::kBFloat16};
  const DType dtype = precision == "fp64" ? DType::kFloat64 : DType::kFloat32;
  return {.weights = dtype, .maps = dtype};
}

}  // namespace ockham::apps
