#include "ops/silu/silu.h"

#include <cmath>

#include "ops/elementwise_case.h"
#include "ops/silu/silu_op.h"

namespace ockham {
namespace {

OCKHAM_REGISTER_OP(silu, elementwise_case<Silu>({.shape = {}, .low = -4.0, .high = 4.0},
                                                [](double x) { return x * std::exp(x) / (1.0 + std::exp(x)); }));

}  // namespace

Variable silu(const Variable& x) {
  return record_one(std::make_shared<const ElementwiseOp<Silu>>(), {x});
}

}  // namespace ockham
