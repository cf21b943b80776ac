#include "ops/mul/mul.h"

#include "autograd/registry.h"
#include "engine/parallel.h"
#include "ops/infer.h"
#include "ops/mul/mul_op.h"

namespace ockham {
namespace {

/// y[d, i] (+)= a[d, i] * b[d, i]; an argument with the size of one direction serves all.
void multiply(std::int64_t D, const Tensor& a, const Tensor& b, Tensor& y, bool adds) {
  const std::int64_t n = y.numel() / D;
  visit_float(y.dtype(), "mul", [&]<class T>() {
    for (std::int64_t d = 0; d < D; ++d) {
      const T* a_data = a.data<T>() + (a.numel() == n ? 0 : d * n);
      const T* b_data = b.data<T>() + (b.numel() == n ? 0 : d * n);
      T* y_data = y.data<T>() + d * n;
      parallel_for(n, 1 << 14, [&](std::int64_t begin, std::int64_t end) {
        if (adds) {
          for (std::int64_t i = begin; i < end; ++i)
            y_data[i] += a_data[i] * b_data[i];
        } else {
          for (std::int64_t i = begin; i < end; ++i)
            y_data[i] = a_data[i] * b_data[i];
        }
      });
    }
  });
}

}  // namespace

std::vector<Spec> MulOp::infer(std::span<const Spec> x) const {
  require_equal_shapes(*this, x, 2);
  require_float(*this, x);
  return {x[0]};
}

void MulOp::recursion(const Saved& saved, Inputs, Inputs h_y, std::span<GradSlot> h_x) const {
  for (std::size_t i = 0; i < 2; ++i) {
    if (!h_x[i])
      continue;
    const Tensor& other = saved[1 - i];
    Tensor scaled(other.spec());
    multiply(1, other, h_y[0], scaled, false);
    multiply(1, other, scaled, *h_x[i].dst, h_x[i].accumulate);
  }
}

void MulOp::apply(const Tensor& a, std::int64_t da, const Tensor& b, std::int64_t db, Tensor& y,
                  bool accumulate) const {
  multiply(std::max(da, db), a, b, y, accumulate);
}

void MulOp::transpose_a(std::int64_t D, const Tensor& y_bar, const Tensor& b, GradSlot a_bar) const {
  multiply(D, y_bar, b, *a_bar.dst, a_bar.accumulate);
}

void MulOp::transpose_b(std::int64_t D, const Tensor& y_bar, const Tensor& a, GradSlot b_bar) const {
  multiply(D, y_bar, a, *b_bar.dst, b_bar.accumulate);
}

namespace {

OpSample sample(std::string name, const Shape& shape) {
  return {.name = std::move(name),
          .make = [] { return std::make_unique<MulOp>(); },
          .inputs = {{.shape = shape}, {.shape = shape}},
          .reference =
              [](Inputs x) {
                Tensor y(x[0].shape(), DType::kFloat64);
                for (std::int64_t i = 0; i < y.numel(); ++i)
                  y.data<double>()[i] = x[0].data<double>()[i] * x[1].data<double>()[i];
                return std::vector<Tensor>{y};
              }};
}

OCKHAM_REGISTER_OP(mul, {.name = "mul",
                         .samples = {sample("rank 4", {2, 3, 5, 7}), sample("rank 2", {3, 4}), sample("scalars", {})},
                         .bad = {{.make = [] { return std::make_unique<MulOp>(); },
                                  .inputs = {{{2, 3}}, {{3, 2}}},
                                  .message_parts = {"mul", "[2,3]", "[3,2]", "must be equal"}},
                                 {.make = [] { return std::make_unique<MulOp>(); },
                                  .inputs = {{{2, 3}, DType::kInt64}, {{2, 3}, DType::kInt64}},
                                  .message_parts = {"mul", "int64[2,3]", "float32 or float64"}}}});

}  // namespace

Variable mul(const Variable& a, const Variable& b) {
  return record_one(std::make_shared<const MulOp>(), {a, b});
}

}  // namespace ockham
