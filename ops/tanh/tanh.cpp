#include "ops/tanh/tanh.h"

#include <cmath>

#include "ops/elementwise_case.h"
#include "ops/tanh/tanh_op.h"

namespace ockham {
namespace {

OCKHAM_REGISTER_OP(tanh, elementwise_case<Tanh>({.shape = {}, .low = -3.0, .high = 3.0},
                                                [](double x) { return 1.0 - 2.0 / (std::exp(2.0 * x) + 1.0); }));

}  // namespace

Variable tanh(const Variable& x) {
  return record_one(std::make_shared<const ElementwiseOp<Tanh>>(), {x});
}

}  // namespace ockham
