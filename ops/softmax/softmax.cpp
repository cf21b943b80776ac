#include "ops/softmax/softmax.h"

#include "autograd/registry.h"
#include "ops/softmax/softmax_op.h"

namespace ockham {
namespace {

std::vector<Tensor> reference(Inputs x) {
  Tensor y(x[0].spec());
  const std::int64_t C = y.size(y.rank() - 1);
  for (std::int64_t i = 0; i < y.numel(); ++i) {
    double total = 0.0;
    for (std::int64_t j = 0; j < C; ++j)
      total += std::exp(x[0].data<double>()[i / C * C + j]);
    y.data<double>()[i] = std::exp(x[0].data<double>()[i]) / total;
  }
  return {y};
}

const auto kMake = [] { return std::make_unique<RowOp<Softmax>>(); };
OpSample sample(const char* name, InputDraw x) {
  return {.name = name, .make = kMake, .inputs = {x}, .reference = reference, .has_samples = x.shape.rank() > 1};
}

OCKHAM_REGISTER_OP(
    softmax,
    {.name = "softmax",
     .samples = {sample("a row", {.shape = {7}}), sample("a matrix", {.shape = {5, 8}, .low = -4.0, .high = 4.0}),
                 sample("three dimensions", {.shape = {2, 3, 4}}), sample("one class", {.shape = {3, 1}})},
     .bad = {{kMake, {{{}, DType::kFloat32}}, {"softmax", "float32[]", "last dimension"}},
             {kMake, {{{4, 0}, DType::kFloat32}}, {"softmax", "float32[4,0]", "not be empty"}},
             {kMake, {{{4, 5}, DType::kInt64}}, {"softmax", "int64[4,5]", "float32 or float64"}}}});

}  // namespace

Variable softmax(const Variable& x) {
  return record_one(std::make_shared<const RowOp<Softmax>>(), {x});
}

}  // namespace ockham
