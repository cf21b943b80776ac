#include "ops/log/log.h"

#include <cmath>

#include "ops/elementwise_case.h"
#include "ops/log/log_op.h"

namespace ockham {
namespace {

OCKHAM_REGISTER_OP(log, elementwise_case<Log>({.shape = {}, .low = 0.3, .high = 3.0},
                                              [](double x) { return 2.0 * std::atanh((x - 1.0) / (x + 1.0)); }));

}  // namespace

Variable log(const Variable& x) {
  return record_one(std::make_shared<const ElementwiseOp<Log>>(), {x});
}

}  // namespace ockham
