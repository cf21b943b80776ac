#include "ops/pad2d/pad2d.h"

#include "autograd/registry.h"
#include "ops/infer.h"
#include "ops/pad2d/pad2d_op.h"

namespace ockham {

std::string Pad2dOp::attrs() const {
  return concat("top=", attrs_.top, " bottom=", attrs_.bottom, " left=", attrs_.left, " right=", attrs_.right);
}

std::vector<Spec> Pad2dOp::infer(std::span<const Spec> x) const {
  require_float(*this, x);
  const Shape& shape = x[0].shape;
  if (shape.rank() != 4)
    throw ShapeError(concat(describe(*this, x), ": x has rank ", shape.rank(), ", needs 4: [N, C, H, W]."));
  if (std::min({attrs_.top, attrs_.bottom, attrs_.left, attrs_.right}) < 0)
    throw ShapeError(describe(*this, x) + ": widths must not be negative; use slice to crop.");
  return {{shape.with(2, shape[2] + attrs_.top + attrs_.bottom).with(3, shape[3] + attrs_.left + attrs_.right),
           x[0].dtype}};
}

void Pad2dOp::recursion(const Saved& saved, Inputs, Inputs h_y, std::span<GradSlot> h_x) const {
  if (h_x[0])
    transpose(saved, 1, h_y[0], h_x[0]);
}

void Pad2dOp::apply(const Saved&, std::int64_t, const Tensor& x, Tensor& y) const {
  cpu::move_window(window(x.shape(), y.shape()), x, y, Put::kAndZero);
}

void Pad2dOp::transpose(const Saved&, std::int64_t, const Tensor& y_bar, GradSlot x_bar) const {
  cpu::move_window(window(x_bar.dst->shape(), y_bar.shape()).reversed(), y_bar, x_bar);
}

Window Pad2dOp::window(const Shape& x, const Shape& y) const {
  return {.rows = x[2],
          .columns = x[3],
          .x = {.plane = x[2] * x[3], .row = x[3], .begin = 0},
          .y = {.plane = y[2] * y[3], .row = y[3], .begin = attrs_.top * y[3] + attrs_.left}};
}

namespace {

OpSample sample(const Shape& shape, const Pad2dAttrs& pad) {
  const auto reference = [shape, pad](Inputs x) {
    const std::int64_t H = shape[2], W = shape[3];
    const std::int64_t P = H + pad.top + pad.bottom, Q = W + pad.left + pad.right;
    Tensor y = Tensor::zeros({shape[0], shape[1], P, Q}, DType::kFloat64);
    for (std::int64_t nc = 0; nc < shape[0] * shape[1]; ++nc) {
      for (std::int64_t h = 0; h < H; ++h) {
        for (std::int64_t w = 0; w < W; ++w)
          y.data<double>()[(nc * P + h + pad.top) * Q + w + pad.left] = x[0].data<double>()[(nc * H + h) * W + w];
      }
    }
    return std::vector<Tensor>{y};
  };
  return {.name = Pad2dOp(pad).attrs(),
          .make = [pad] { return std::make_unique<Pad2dOp>(pad); },
          .inputs = {{.shape = shape}},
          .reference = reference};
}

BadSample bad(const Pad2dAttrs& pad, Spec x, std::vector<std::string> message_parts) {
  return {.make = [pad] { return std::make_unique<Pad2dOp>(pad); },
          .inputs = {std::move(x)},
          .message_parts = std::move(message_parts)};
}

OCKHAM_REGISTER_OP(pad2d,
                   {.name = "pad2d",
                    .samples = {sample({2, 3, 4, 5}, {.top = 1, .bottom = 2, .left = 3, .right = 0}),
                                sample({3, 2, 5, 1}, {.right = 2}), sample({1, 2, 3, 4}, {})},
                    .bad = {bad({.top = 1}, {{2, 3, 4}}, {"pad2d(top=1 bottom=0 left=0 right=0)", "[2,3,4]", "rank 3"}),
                            bad({.left = -1}, {{2, 3, 4, 5}}, {"left=-1", "negative"}),
                            bad({}, {{2, 3, 4, 5}, DType::kInt64}, {"int64[2,3,4,5]"})}});

}  // namespace

Variable pad2d(const Variable& x, const Pad2dAttrs& attrs) {
  return record_one(std::make_shared<const Pad2dOp>(attrs), {x});
}

}  // namespace ockham
