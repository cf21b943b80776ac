#include "ops/gelu/gelu.h"

#include <cmath>

#include "ops/elementwise_case.h"
#include "ops/gelu/gelu_op.h"

namespace ockham {
namespace {

OCKHAM_REGISTER_OP(gelu, elementwise_case<Gelu>({.shape = {}, .low = -4.0, .high = 4.0},
                                                [](double x) { return x - 0.5 * x * std::erfc(x / std::sqrt(2.0)); }));

}  // namespace

Variable gelu(const Variable& x) {
  return record_one(std::make_shared<const ElementwiseOp<Gelu>>(), {x});
}

}  // namespace ockham
