#include "ops/sigmoid/sigmoid.h"

#include <cmath>

#include "ops/elementwise_case.h"
#include "ops/sigmoid/sigmoid_op.h"

namespace ockham {
namespace {

OCKHAM_REGISTER_OP(sigmoid, elementwise_case<Sigmoid>({.shape = {}, .low = -4.0, .high = 4.0},
                                                      [](double x) { return 0.5 * (1.0 + std::tanh(0.5 * x)); }));

}  // namespace

Variable sigmoid(const Variable& x) {
  return record_one(std::make_shared<const ElementwiseOp<Sigmoid>>(), {x});
}

}  // namespace ockham
