#pragma once
// The geometry that max_pool2d and avg_pool2d share: square windows over the planes of [N, C, H, W].
#include <algorithm>
#include <cstdint>

#include "autograd/op.h"

namespace ockham {

/// Windows along both axes. Padding is at most half a kernel, so every window covers at least one element.
struct PoolWindow {
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t pad = 0;
};

/// Shape after pooling: (size + 2 pad - kernel) / stride + 1. @throws ShapeError, DTypeError
Shape infer_pool(const Op& op, std::span<const Spec> x, const PoolWindow& window);

namespace cpu {

/// One plane, H x W before and P x Q after.
struct PoolPlane {
  PoolPlane(const PoolWindow& pool, const Shape& x, const Shape& y)
      : window(pool), H(x[2]), W(x[3]), P(y[2]), Q(y[3]) {}

  PoolWindow window;
  std::int64_t H, W, P, Q;
};

/// Planes that a thread takes at once.
inline std::int64_t plane_grain(std::int64_t plane) {
  return std::max<std::int64_t>(1, 8192 / std::max<std::int64_t>(1, plane));
}

}  // namespace cpu
}  // namespace ockham
