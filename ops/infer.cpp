#include "ops/infer.h"

#include <algorithm>

namespace ockham {

void require_float(const Op& op, std::span<const Spec> x) {
  for (const Spec& spec : x) {
    if (!is_compute_type(spec.dtype) || spec.dtype != x[0].dtype)
      throw DTypeError(describe(op, x) +
                       ": takes float32 or float64, one of them for all inputs; convert with Tensor::to.");
  }
}

void require_equal_shapes(const Op& op, std::span<const Spec> x, std::size_t least) {
  if (x.size() < least)
    throw ShapeError(concat(describe(op, x), ": got ", x.size(), " inputs, needs at least ", least, "."));
  const auto differs = std::ranges::find_if(x, [&](const Spec& spec) { return spec.shape != x[0].shape; });
  if (differs != x.end())
    throw ShapeError(concat(describe(op, x), ": input ", differs - x.begin(), " has shape ", differs->shape,
                            ", input 0 has ", x[0].shape, "; all must be equal, nothing is broadcast."));
}

}  // namespace ockham
