#include "ops/pool.h"

#include "ops/infer.h"

namespace ockham {

Shape infer_pool(const Op& op, std::span<const Spec> x, const PoolWindow& window) {
  require_float(op, x);
  const auto [kernel, stride, pad] = window;
  const Shape& shape = x[0].shape;
  if (shape.rank() != 4)
    throw ShapeError(describe(op, x) + ": x must be [N, C, H, W].");
  if (kernel < 1 || stride < 1 || pad < 0)
    throw ShapeError(describe(op, x) + ": kernel and stride must be at least 1, pad at least 0.");
  if (pad > kernel / 2)
    throw ShapeError(concat(describe(op, x), ": pad ", pad, " is more than half of kernel ", kernel,
                            ", so some windows would hold nothing but padding."));
  for (int dim : {2, 3}) {
    if (kernel - 2 * pad > shape[dim])
      throw ShapeError(concat(describe(op, x), ": kernel ", kernel, " does not fit into size ", shape[dim],
                              " with pad ", pad, " on both sides; use a smaller kernel."));
  }
  // Captured by name: clang 14 cannot capture structured bindings otherwise.
  const auto pooled = [kernel = kernel, stride = stride, pad = pad](std::int64_t size) {
    return (size + 2 * pad - kernel) / stride + 1;
  };
  return {shape[0], shape[1], pooled(shape[2]), pooled(shape[3])};
}

}  // namespace ockham
