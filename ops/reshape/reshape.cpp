#include "ops/reshape/reshape.h"

#include "autograd/registry.h"
#include "ops/infer.h"
#include "ops/reshape/reshape_op.h"

namespace ockham {

std::vector<Spec> ReshapeOp::infer(std::span<const Spec> x) const {
  require_float(*this, x);
  const Shape& from = x[0].shape;
  if (from.numel() != shape_.numel())
    throw ShapeError(concat(describe(*this, x), ": x has ", from.numel(), " elements, the new shape ", shape_.numel(),
                            "; they must be equal."));
  if (from.rank() == 0 || shape_.rank() == 0 || from[0] != shape_[0])
    throw ShapeError(concat(describe(*this, x), ": dimension 0 counts the samples and must stay, but ", from,
                            " was to become ", shape_, "."));
  return {{shape_, x[0].dtype}};
}

void ReshapeOp::recursion(const Saved& saved, Inputs, Inputs h_y, std::span<GradSlot> h_x) const {
  if (h_x[0])
    transpose(saved, 1, h_y[0], h_x[0]);
}

void ReshapeOp::transpose(const Saved&, std::int64_t, const Tensor& y_bar, GradSlot x_bar) const {
  x_bar.add(y_bar.reshape(x_bar.dst->shape()));
}

namespace {

OpSample sample(const Shape& from, const Shape& to) {
  const auto reference = [to](Inputs x) {
    Tensor y(to, DType::kFloat64);
    for (std::int64_t i = 0; i < to.numel(); ++i)
      y.data<double>()[i] = x[0].data<double>()[i];
    return std::vector<Tensor>{y};
  };
  return {.name = concat(from, " to ", to),
          .make = [to] { return std::make_unique<ReshapeOp>(to); },
          .inputs = {{.shape = from}},
          .reference = reference};
}

BadSample bad(Spec from, const Shape& to, std::vector<std::string> message_parts) {
  return {.make = [to] { return std::make_unique<ReshapeOp>(to); },
          .inputs = {std::move(from)},
          .message_parts = std::move(message_parts)};
}

OCKHAM_REGISTER_OP(reshape, {.name = "reshape",
                             .samples = {sample({2, 3, 4, 5}, {2, 60}), sample({3, 10}, {3, 2, 5}),
                                         sample({4}, {4, 1, 1}), sample({40, 1000}, {40, 10, 100})},
                             .bad = {bad({{2, 3}}, {2, 4}, {"reshape([2,4])", "6 elements", "8"}),
                                     bad({{2, 3}}, {3, 2}, {"[2,3]", "[3,2]", "samples"}),
                                     bad({{1}}, {}, {"reshape([])", "samples"}),
                                     bad({{2, 3}, DType::kInt64}, {2, 3}, {"int64[2,3]"})}});

}  // namespace

Variable reshape(const Variable& x, const Shape& shape) {
  return record_one(std::make_shared<const ReshapeOp>(shape), {x});
}

}  // namespace ockham
