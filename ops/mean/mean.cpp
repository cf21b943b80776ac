#include "ops/mean/mean.h"

#include "ops/mean/mean_op.h"

namespace ockham {
namespace {

OpSample sample(std::string name, const Shape& shape) {
  const auto reference = [](Inputs x) {
    double total = 0.0;
    for (double value : x[0].span<double>())
      total += value;
    return std::vector<Tensor>{Tensor::scalar(total / static_cast<double>(x[0].numel()), DType::kFloat64)};
  };
  return {.name = std::move(name),
          .make = [] { return std::make_unique<MeanOp>(); },
          .inputs = {{.shape = shape}},
          .reference = reference};
}

OCKHAM_REGISTER_OP(mean, {.name = "mean",
                          .samples = {sample("rank 3", {2, 3, 5}), sample("rank 1", {7}), sample("a scalar", {})},
                          .bad = {{.make = [] { return std::make_unique<MeanOp>(); },
                                   .inputs = {{{2, 0}}},
                                   .message_parts = {"mean()", "[2,0]", "no elements"}},
                                  {.make = [] { return std::make_unique<MeanOp>(); },
                                   .inputs = {{{3}, DType::kInt64}},
                                   .message_parts = {"mean()", "int64[3]"}}}});

}  // namespace

Variable mean(const Variable& x) {
  return record_one(std::make_shared<const MeanOp>(), {x});
}

}  // namespace ockham
