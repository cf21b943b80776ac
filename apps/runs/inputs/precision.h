#pragma once
// From --precision to the types of a run's tensors.
#include "apps/cli/options/options.h"
#include "engine/dtype.h"

namespace ockham::apps {

/// As --precision names them.
enum class NumberFormat { kFp32, kFp64, kBf16 };

/// fp32, fp64: one type for all. bf16: feature maps, images among them, are stored in bfloat16; weights, statistics,
/// switches, losses and all second derivatives stay in float32 (autograd/narrow.h).
struct Precision {
  DType weights = DType::kFloat32;
  DType maps = DType::kFloat32;  ///< of the images of training and evaluation
};
Precision precision_of(NumberFormat format);
Precision precision_of(const Options& options);

}  // namespace ockham::apps
