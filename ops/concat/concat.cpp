#include "ops/concat/concat.h"

#include "autograd/registry.h"
#include "engine/math.h"
#include "ops/concat/concat_op.h"
#include "ops/infer.h"
#include "ops/window.h"

namespace ockham {

std::vector<Spec> ConcatOp::infer(std::span<const Spec> x) const {
  if (x.empty())
    throw ShapeError("concat(): got 0 inputs, needs at least 1.");
  require_float(*this, x);
  std::int64_t channels = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Shape& shape = x[i].shape;
    if (shape.rank() < 2 || shape.rank() != x[0].shape.rank() || shape.with(1, 1) != x[0].shape.with(1, 1))
      throw ShapeError(concat(describe(*this, x), ": input ", i, " has shape ", shape, ", input 0 has ", x[0].shape,
                              "; ranks must be equal and at least 2, sizes equal in every dimension but 1."));
    channels += shape[1];
  }
  return {{x[0].shape.with(1, channels), x[0].dtype}};
}

void ConcatOp::forward(Inputs x, Outputs y, Saved& saved) const {
  // Tangents may be undefined, so the widths that they would have are kept: as tensors without elements.
  for (const Tensor& part : x)
    saved.keep(Tensor(part.shape().with(0, 0), part.dtype()));
  join(saved, x, y[0]);
}

void ConcatOp::vjp(const Saved& saved, std::int64_t, Inputs y_bar, std::span<GradSlot> x_bar) const {
  split(saved, y_bar[0], x_bar);
}

void ConcatOp::jvp(const Saved& saved, std::int64_t, Inputs x_dot, Outputs y_dot) const {
  join(saved, x_dot, y_dot[0]);
}

void ConcatOp::recursion(const Saved& saved, Inputs, Inputs h_y, std::span<GradSlot> h_x) const {
  split(saved, h_y[0], h_x);
}

template <class Body>
void ConcatOp::for_each_part(const Saved& saved, const Tensor& y, Body&& body) {
  const std::int64_t y_plane = y.shape().with(0, 1).numel();
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < saved.tensors.size(); ++i) {
    const std::int64_t plane = saved[i].shape().with(0, 1).numel();
    body(i, Window{.rows = 1,
                   .columns = plane,
                   .x = {.plane = plane, .row = plane},
                   .y = {.plane = y_plane, .row = y_plane, .begin = begin}});
    begin += plane;
  }
}

void ConcatOp::join(const Saved& saved, Inputs x, Tensor& y) {
  bool is_covered = true;
  for (const Tensor& part : x)
    is_covered = is_covered && part;
  if (!is_covered)
    fill(y, 0.0);
  for_each_part(saved, y, [&](std::size_t i, const Window& window) {
    if (x[i])
      cpu::move_window(window, x[i], y, Put::kBox);
  });
}

void ConcatOp::split(const Saved& saved, const Tensor& y_bar, std::span<GradSlot> x_bar) {
  for_each_part(saved, y_bar, [&](std::size_t i, const Window& window) {
    if (x_bar[i])
      cpu::move_window(window.reversed(), y_bar, x_bar[i]);
  });
}

namespace {

std::vector<Tensor> reference(Inputs x) {
  std::int64_t channels = 0;
  for (const Tensor& part : x)
    channels += part.size(1);
  Tensor y(x[0].shape().with(1, channels), DType::kFloat64);
  const std::int64_t samples = x[0].size(0);
  const std::int64_t inner = x[0].shape().with(0, 1).with(1, 1).numel();
  double* out = y.data<double>();
  for (std::int64_t n = 0; n < samples; ++n) {
    for (const Tensor& part : x) {
      for (std::int64_t i = 0; i < part.size(1) * inner; ++i)
        *out++ = part.data<double>()[n * part.size(1) * inner + i];
    }
  }
  return {y};
}

auto maker(std::size_t parts) {
  return [=] { return std::make_unique<ConcatOp>(parts); };
}

OpSample sample(std::string name, const std::vector<Shape>& parts) {
  std::vector<InputDraw> inputs;
  for (const Shape& shape : parts)
    inputs.push_back({.shape = shape});
  return {.name = std::move(name), .make = maker(parts.size()), .inputs = inputs, .reference = reference};
}

OCKHAM_REGISTER_OP(
    concat,
    {.name = "concat",
     .samples = {sample("three feature maps", {{2, 3, 5, 4}, {2, 1, 5, 4}, {2, 2, 5, 4}}),
                 sample("rows", {{3, 2}, {3, 5}}), sample("one part", {{3, 2, 5}})},
     .bad = {
         {.make = maker(2), .inputs = {{{2, 3, 4}}, {{2, 3, 5}}}, .message_parts = {"concat", "[2,3,4]", "[2,3,5]"}},
         {.make = maker(2), .inputs = {{{2, 3}}, {{2, 3, 1}}}, .message_parts = {"concat", "[2,3]", "[2,3,1]"}},
         {.make = maker(2), .inputs = {{{3}}, {{3}}}, .message_parts = {"concat", "[3]", "at least 2"}},
         {.make = maker(0), .inputs = {}, .message_parts = {"concat", "0 inputs"}},
         {.make = maker(2),
          .inputs = {{{2, 3}}, {{2, 3}, DType::kFloat64}},
          .message_parts = {"concat", "float32[2,3]", "float64[2,3]"}}}});

}  // namespace

Variable concat(std::span<const Variable> parts) {
  return record_one(std::make_shared<const ConcatOp>(parts.size()), parts);
}

}  // namespace ockham
