#include "ops/exp/exp.h"

#include <cmath>

#include "ops/elementwise_case.h"
#include "ops/exp/exp_op.h"

namespace ockham {
namespace {

OCKHAM_REGISTER_OP(exp, elementwise_case<Exp>({.shape = {}, .low = -2.0, .high = 2.0},
                                              [](double x) { return std::pow(2.718281828459045235, x); }));

}  // namespace

Variable exp(const Variable& x) {
  return record_one(std::make_shared<const ElementwiseOp<Exp>>(), {x});
}

}  // namespace ockham
