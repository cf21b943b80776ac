#include "ops/slice/slice.h"

#include "autograd/registry.h"
#include "ops/infer.h"
#include "ops/slice/slice_op.h"

namespace ockham {

std::vector<Spec> SliceOp::infer(std::span<const Spec> x) const {
  require_float(*this, x);
  const Shape& shape = x[0].shape;
  if (dim_ < 0 || dim_ >= shape.rank())
    throw ShapeError(concat(describe(*this, x), ": dimension ", dim_, " is not one of the ", shape.rank(), "."));
  if (begin_ < 0 || begin_ >= end_ || end_ > shape[dim_])
    throw ShapeError(concat(describe(*this, x), ": rows [", begin_, ", ", end_, ") are not in dimension ", dim_,
                            " of size ", shape[dim_], "; needs 0 <= begin < end <= size."));
  return {{shape.with(dim_, end_ - begin_), x[0].dtype}};
}

void SliceOp::recursion(const Saved& saved, Inputs, Inputs h_y, std::span<GradSlot> h_x) const {
  if (h_x[0])
    transpose(saved, 1, h_y[0], h_x[0]);
}

void SliceOp::apply(const Saved&, std::int64_t D, const Tensor& x, Tensor& y) const {
  cpu::move_window(window(D, x.shape()), x, y, Put::kBox);
}

void SliceOp::transpose(const Saved&, std::int64_t D, const Tensor& y_bar, GradSlot x_bar) const {
  cpu::move_window(window(D, x_bar.dst->shape()).reversed(), y_bar, x_bar);
}

Window SliceOp::window(std::int64_t D, const Shape& x) const {
  const std::int64_t size = dim_ == 0 ? x[0] / D : x[dim_];
  std::int64_t inner = 1;
  for (int dim = dim_ + 1; dim < x.rank(); ++dim)
    inner *= x[dim];
  const std::int64_t box = (end_ - begin_) * inner;
  return {.rows = 1,
          .columns = box,
          .x = {.plane = size * inner, .row = 0, .begin = begin_ * inner},
          .y = {.plane = box, .row = 0, .begin = 0}};
}

namespace {

OpSample sample(const Shape& shape, int dim, std::int64_t begin, std::int64_t end) {
  const auto reference = [=](Inputs x) {
    Tensor y(shape.with(dim, end - begin), DType::kFloat64);
    const auto strides = shape.row_major_strides();
    double* out = y.data<double>();
    for (std::int64_t i = 0; i < shape.numel(); ++i) {
      const std::int64_t row = i / strides[static_cast<std::size_t>(dim)] % shape[dim];
      if (row >= begin && row < end)
        *out++ = x[0].data<double>()[i];
    }
    return std::vector<Tensor>{y};
  };
  return {.name = concat("rows [", begin, ", ", end, ") of dimension ", dim),
          .make = [=] { return std::make_unique<SliceOp>(dim, begin, end); },
          .inputs = {{.shape = shape}},
          .reference = reference};
}

BadSample bad(int dim, std::int64_t begin, std::int64_t end, Spec x, std::vector<std::string> message_parts) {
  return {.make = [=] { return std::make_unique<SliceOp>(dim, begin, end); },
          .inputs = {std::move(x)},
          .message_parts = std::move(message_parts)};
}

OCKHAM_REGISTER_OP(slice, {.name = "slice",
                           .samples = {sample({4, 3, 2}, 0, 1, 3), sample({2, 5, 3, 4}, 1, 2, 5),
                                       sample({2, 3, 4, 5}, 3, 0, 2), sample({7}, 0, 2, 3)},
                           .bad = {bad(2, 0, 1, {{2, 3}}, {"slice(dim=2 begin=0 end=1)", "[2,3]", "dimension 2"}),
                                   bad(1, 2, 4, {{2, 3}}, {"[2, 4)", "size 3"}), bad(1, 2, 2, {{2, 3}}, {"[2, 2)"}),
                                   bad(0, -1, 1, {{2, 3}}, {"[-1, 1)"}),
                                   bad(0, 0, 1, {{2, 3}, DType::kUInt8}, {"uint8[2,3]"})}});

}  // namespace

Variable slice(const Variable& x, int dim, std::int64_t begin, std::int64_t end) {
  return record_one(std::make_shared<const SliceOp>(dim, begin, end), {x});
}

}  // namespace ockham
