#include "ops/sum/sum.h"

#include "ops/sum/sum_op.h"

namespace ockham {
namespace {

OpSample sample(std::string name, const Shape& shape) {
  const auto reference = [](Inputs x) {
    double total = 0.0;
    for (double value : x[0].span<double>())
      total += value;
    return std::vector<Tensor>{Tensor::scalar(total, DType::kFloat64)};
  };
  return {.name = std::move(name),
          .make = [] { return std::make_unique<SumOp>(); },
          .inputs = {{.shape = shape}},
          .reference = reference};
}

OCKHAM_REGISTER_OP(sum, {.name = "sum",
                         .samples = {sample("rank 3", {2, 3, 5}), sample("rank 1", {7}), sample("a scalar", {})},
                         .bad = {{.make = [] { return std::make_unique<SumOp>(); },
                                  .inputs = {{{0, 3}}},
                                  .message_parts = {"sum()", "[0,3]", "no elements"}},
                                 {.make = [] { return std::make_unique<SumOp>(); },
                                  .inputs = {{{3}, DType::kInt64}},
                                  .message_parts = {"sum()", "int64[3]"}}}});

}  // namespace

Variable sum(const Variable& x) {
  return record_one(std::make_shared<const SumOp>(), {x});
}

}  // namespace ockham
