#include "ops/shift2d/shift2d.h"

#include <algorithm>

#include "autograd/registry.h"
#include "ops/infer.h"
#include "ops/shift2d/shift2d_op.h"

namespace ockham {

std::vector<Spec> Shift2dOp::infer(std::span<const Spec> x) const {
  require_float(*this, x);
  if (x[0].shape.rank() != 4)
    throw ShapeError(concat(describe(*this, x), ": x has rank ", x[0].shape.rank(), ", needs 4: [N, C, H, W]."));
  if (stride_ < 1)
    throw ShapeError(concat(describe(*this, x), ": the stride is ", stride_, ", must be at least 1."));
  const Shape& shape = x[0].shape;
  return {{shape.with(2, kept(shape[2])).with(3, kept(shape[3])), x[0].dtype}};
}

void Shift2dOp::recursion(const Saved& saved, Inputs, Inputs h_y, std::span<GradSlot> h_x) const {
  if (h_x[0])
    transpose(saved, 1, h_y[0], h_x[0]);
}

void Shift2dOp::apply(const Saved&, std::int64_t, const Tensor& x, Tensor& y) const {
  cpu::move_window(window(x.shape()), x, y, Put::kAndZero);
}

void Shift2dOp::transpose(const Saved&, std::int64_t, const Tensor& y_bar, GradSlot x_bar) const {
  cpu::move_window(window(x_bar.dst->shape()).reversed(), y_bar, x_bar);
}

Shift2dOp::Reach Shift2dOp::reach(std::int64_t size, std::int64_t shift) const {
  const std::int64_t inside = std::clamp(shift, -size, size);
  const std::int64_t begin = std::min(kept(std::max<std::int64_t>(-inside, 0)), kept(size));
  return {begin, std::max(begin, std::min(kept(size - inside), kept(size)))};
}

Window Shift2dOp::window(const Shape& x) const {
  const std::int64_t H = x[2], W = x[3], Q = kept(W);
  const Reach rows = reach(H, dy_);
  const Reach columns = reach(W, dx_);
  const bool is_empty = rows.begin == rows.end || columns.begin == columns.end;
  return {.rows = is_empty ? 0 : rows.end - rows.begin,
          .columns = columns.end - columns.begin,
          .x = {.plane = H * W,
                .row = stride_ * W,
                .begin = is_empty ? 0 : (stride_ * rows.begin + dy_) * W + stride_ * columns.begin + dx_,
                .step = stride_},
          .y = {.plane = kept(H) * Q, .row = Q, .begin = is_empty ? 0 : rows.begin * Q + columns.begin}};
}

namespace {

auto maker(std::int64_t dy, std::int64_t dx, std::int64_t stride) {
  return [=] { return std::make_unique<Shift2dOp>(dy, dx, stride); };
}

OpSample sample(const Shape& shape, std::int64_t dy, std::int64_t dx, std::int64_t stride = 1) {
  const auto reference = [=](Inputs x) {
    const std::int64_t H = shape[2], W = shape[3], P = (H - 1) / stride + 1, Q = (W - 1) / stride + 1;
    Tensor y = Tensor::zeros({shape[0], shape[1], P, Q}, DType::kFloat64);
    for (std::int64_t i = 0; i < y.numel(); ++i) {
      const std::int64_t h = i / Q % P * stride + dy, w = i % Q * stride + dx;
      if (h >= 0 && h < H && w >= 0 && w < W)
        y.data<double>()[i] = x[0].data<double>()[(i / (P * Q) * H + h) * W + w];
    }
    return std::vector<Tensor>{y};
  };
  return {.name = Shift2dOp(dy, dx, stride).attrs(),
          .make = maker(dy, dx, stride),
          .inputs = {{.shape = shape}},
          .reference = reference};
}

OCKHAM_REGISTER_OP(shift2d, {.name = "shift2d",
                             .samples = {sample({2, 3, 5, 4}, 1, 1), sample({3, 2, 4, 5}, -2, 1),
                                         sample({1, 2, 5, 3}, 0, -1), sample({2, 1, 3, 4}, -9, 2),
                                         sample({3, 2, 6, 4}, 0, 0, 2), sample({3, 2, 6, 4}, 1, 1, 2),
                                         sample({2, 3, 7, 5}, -3, 2, 2), sample({1, 3, 8, 7}, 2, -4, 3),
                                         sample({2, 1, 3, 4}, 0, 5, 3), sample({2, 3, 5, 4}, 4, -3, 4)},
                             .bad = {{.make = maker(1, 2, 1),
                                      .inputs = {{{2, 3}}},
                                      .message_parts = {"shift2d(dy=1 dx=2 stride=1)", "[2,3]", "rank 2"}},
                                     {.make = maker(1, 2, 0),
                                      .inputs = {{{2, 3, 4, 5}}},
                                      .message_parts = {"stride=0", "stride is 0", "at least 1"}},
                                     {.make = maker(1, 2, 1),
                                      .inputs = {{{2, 3, 4, 5}, DType::kBFloat16}},
                                      .message_parts = {"bfloat16[2,3,4,5]"}}}});

}  // namespace

Variable shift2d(const Variable& x, std::int64_t dy, std::int64_t dx, std::int64_t stride) {
  return record_one(std::make_shared<const Shift2dOp>(dy, dx, stride), {x});
}

}  // namespace ockham
