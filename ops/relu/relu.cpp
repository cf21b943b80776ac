#include "ops/relu/relu.h"

#include <cmath>

#include "ops/elementwise_case.h"
#include "ops/relu/relu_op.h"

namespace ockham {
namespace {

OCKHAM_REGISTER_OP(relu, elementwise_case<Relu>({.shape = {}, .draw = Draw::kAwayFromZero},
                                                [](double x) { return std::max(x, 0.0); }));

}  // namespace

Variable relu(const Variable& x) {
  return record_one(std::make_shared<const ElementwiseOp<Relu>>(), {x});
}

}  // namespace ockham
