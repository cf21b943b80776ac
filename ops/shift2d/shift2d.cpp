#include "ops/shift2d/shift2d.h"

#include <algorithm>

#include "autograd/op_classes.h"
#include "autograd/registry.h"
#include "ops/infer.h"
#include "ops/window.h"

namespace ockham {
namespace {

class Shift2dOp : public LinearOp {
 public:
  Shift2dOp(std::int64_t dy, std::int64_t dx) : dy_(dy), dx_(dx) {}

  std::string_view name() const override { return "shift2d"; }
  std::string attrs() const override { return concat("dy=", dy_, " dx=", dx_); }

  std::vector<Spec> infer(std::span<const Spec> x) const override {
    require_float(*this, x);
    if (x[0].shape.rank() != 4)
      throw ShapeError(concat(describe(*this, x), ": x has rank ", x[0].shape.rank(), ", needs 4: [N, C, H, W]."));
    return {x[0]};
  }

  void forward(Inputs x, Outputs y, Saved& saved) const override { apply(saved, 1, x[0], y[0]); }
  void recursion(const Saved& saved, const RecursionRules&, Inputs, Inputs h_y,
                 std::span<GradSlot> h_x) const override {
    if (h_x[0])
      transpose(saved, 1, h_y[0], h_x[0]);
  }

 protected:
  void apply(const Saved&, std::int64_t, const Tensor& x, Tensor& y) const override {
    cpu::move_window(window(x.shape()), x, y, cpu::Put::kAndZero);
  }
  void transpose(const Saved&, std::int64_t, const Tensor& y_bar, GradSlot x_bar) const override {
    cpu::move_window(window(y_bar.shape()).reversed(), y_bar, x_bar);
  }

 private:
  /// The part of a plane that stays inside; empty when the shift is as large as the plane.
  cpu::Window window(const Shape& x) const {
    const std::int64_t H = x[2];
    const std::int64_t W = x[3];
    const std::int64_t dy = std::clamp(dy_, -H, H);
    const std::int64_t dx = std::clamp(dx_, -W, W);
    return {
        .rows = H - std::abs(dy),
        .columns = W - std::abs(dx),
        .x = {.plane = H * W, .row = W, .begin = std::max<std::int64_t>(dy, 0) * W + std::max<std::int64_t>(dx, 0)},
        .y = {.plane = H * W, .row = W, .begin = std::max<std::int64_t>(-dy, 0) * W + std::max<std::int64_t>(-dx, 0)}};
  }

  const std::int64_t dy_;
  const std::int64_t dx_;
};

OpSample sample(const Shape& shape, std::int64_t dy, std::int64_t dx) {
  const auto reference = [=](Inputs x) {
    const std::int64_t H = shape[2], W = shape[3];
    Tensor y = Tensor::zeros(shape, DType::kFloat64);
    for (std::int64_t i = 0; i < shape.numel(); ++i) {
      const std::int64_t h = i / W % H + dy, w = i % W + dx;
      if (h >= 0 && h < H && w >= 0 && w < W)
        y.data<double>()[i] = x[0].data<double>()[i + dy * W + dx];
    }
    return std::vector<Tensor>{y};
  };
  return {.name = Shift2dOp(dy, dx).attrs(),
          .make = [=] { return std::make_unique<Shift2dOp>(dy, dx); },
          .inputs = {{.shape = shape}},
          .reference = reference,
          .has_recursion = true};
}

OCKHAM_REGISTER_OP(shift2d, {.name = "shift2d",
                             .samples = {sample({2, 3, 5, 4}, 1, 1), sample({3, 2, 4, 5}, -2, 1),
                                         sample({1, 2, 5, 3}, 0, -1), sample({2, 1, 3, 4}, -9, 2)},
                             .bad = {{.make = [] { return std::make_unique<Shift2dOp>(1, 2); },
                                      .inputs = {{{2, 3}}},
                                      .message_parts = {"shift2d(dy=1 dx=2)", "[2,3]", "rank 2"}},
                                     {.make = [] { return std::make_unique<Shift2dOp>(1, 2); },
                                      .inputs = {{{2, 3, 4, 5}, DType::kBFloat16}},
                                      .message_parts = {"bfloat16[2,3,4,5]"}}}});

}  // namespace

Variable shift2d(const Variable& x, std::int64_t dy, std::int64_t dx) {
  return record_one(std::make_shared<const Shift2dOp>(dy, dx), {x});
}

}  // namespace ockham
