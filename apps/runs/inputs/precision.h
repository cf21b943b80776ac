#pragma once
// From --precision and --device to the types of a run's tensors and where they lie.
#include "engine/device.h"
#include "engine/dtype.h"
#include "engine/settings.h"

namespace ockham::apps {

/// As --precision names them.
enum class NumberFormat { kFp32, kFp64, kBf16, kTf32 };
inline const std::vector<Named<NumberFormat>> kNumberFormats{{"fp32", NumberFormat::kFp32},
                                                             {"fp64", NumberFormat::kFp64},
                                                             {"bf16", NumberFormat::kBf16},
                                                             {"tf32", NumberFormat::kTf32}};

/// fp32, fp64: one type for all. bf16: feature maps, images among them, are stored in bfloat16; weights, statistics,
/// switches, losses and all second derivatives stay in float32 (autograd/narrow.h). tf32: fp32, but on a GPU cuBLAS
/// rounds the factors of wide products (MathMode::kTf32).
struct Precision {
  DType weights = DType::kFloat32;
  DType maps = DType::kFloat32;  ///< of the images of training and evaluation
};

constexpr Precision precision_of(NumberFormat format) {
  const DType weights = format == NumberFormat::kFp64 ? DType::kFloat64 : DType::kFloat32;
  return {.weights = weights, .maps = format == NumberFormat::kBf16 ? DType::kBFloat16 : weights};
}

/// What images become, and where.
struct TensorForm {
  TensorForm(DType type, Device place = {}) : dtype(type), device(place) {}  // NOLINT: on the CPU a type says it all
  DType dtype;
  Device device;
};

}  // namespace ockham::apps
