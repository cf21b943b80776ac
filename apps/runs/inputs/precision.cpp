#include "apps/runs/inputs/precision.h"

namespace ockham::apps {

Precision precision_of(NumberFormat format) {
  if (format == NumberFormat::kBf16)
    return {.weights = DType::kFloat32, .maps = DType::kBFloat16};
  const DType dtype = format == NumberFormat::kFp64 ? DType::kFloat64 : DType::kFloat32;
  return {.weights = dtype, .maps = dtype};
}

Precision precision_of(const Options& options) {
  const std::string& precision = options.text("precision");
  return precision_of(precision == "bf16"   ? NumberFormat::kBf16
                      : precision == "fp64" ? NumberFormat::kFp64
                                            : NumberFormat::kFp32);
}

}  // namespace ockham::apps
