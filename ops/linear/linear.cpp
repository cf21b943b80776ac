#include "ops/linear/linear.h"

#include "autograd/registry.h"
#include "engine/arena.h"
#include "engine/gemm.h"
#include "engine/math.h"
#include "engine/parallel.h"
#include "ops/diagonal.h"
#include "ops/infer.h"
#include "ops/linear/linear_op.h"

namespace ockham {
namespace {

/// c [M, N] = beta c + op(a) b over threads by rows of c; K is summed in order on one thread.
template <class T>
void multiply(bool transpose_a, std::int64_t M, std::int64_t N, std::int64_t K, const T* a, const T* b, T beta, T* c) {
  const std::int64_t grain = std::max<std::int64_t>(8, (1 << 18) / std::max<std::int64_t>(1, N * K));
  parallel_for(M, grain, [&](std::int64_t begin, std::int64_t end) {
    gemm(transpose_a, false, end - begin, N, K, a + (transpose_a ? begin : begin * K), transpose_a ? M : K, b, N, beta,
         c + begin * N, N);
  });
}

}  // namespace

std::vector<Spec> Linear::infer(std::span<const Spec> x) const {
  require_float(*this, x);
  const Shape& in = x[0].shape;
  const Shape& w = x[1].shape;
  if (in.rank() != 2 || w.rank() != 2)
    throw ShapeError(describe(*this, x) + ": needs x [N,I] and w [O,I]; flatten x with reshape.");
  if (in[1] != w[1])
    throw ShapeError(concat(describe(*this, x), ": x has ", in[1], " features, w takes ", w[1],
                            "; both must be [.., I] with one I."));
  return {{{in[0], w[0]}, x[0].dtype}};
}

double Linear::flops(std::span<const Spec> x) const {
  return 2.0 * static_cast<double>(x[0].shape[0]) * static_cast<double>(x[1].shape.numel());
}

// Sample n's gradient is the outer product of y_bar_n and x_n, so its square is that of their squares.
void Linear::weight_diagonal(const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input, Grouping grouping,
                             Tensor& H) const {
  if (input != 1)
    return Op::weight_diagonal(saved, D, y_bar, input, grouping, H);
  const Shape& w = saved[1].shape();
  const std::int64_t N = saved[0].size(0);
  const Tensor xx = squared(saved[0].to(DType::kFloat64));
  const Tensor yy = squared(y_bar[0].to(DType::kFloat64)).reshape({D, N * w[0]});
  Tensor sum = Tensor::zeros({1, N * w[0]}, DType::kFloat64);
  for (std::int64_t d = 0; d < D; ++d)
    axpy(1.0, yy.slice(0, d, d + 1), sum);
  Tensor entries(w, DType::kFloat64);
  multiply<double>(true, w[0], w[1], N, sum.data<double>(), xx.data<double>(), 0.0, entries.data<double>());
  add_grouped(entries, grouping, H);
}

void Linear::recursion(const Saved& saved, Inputs, Inputs h_y, std::span<GradSlot> h_x) const {
  if (h_x[0])
    transpose_a(1, h_y[0], squared(saved[1]), h_x[0]);
  if (h_x[1])
    transpose_b(1, h_y[0], squared(saved[0]), h_x[1]);
}

void Linear::apply(const Tensor& x, std::int64_t dx, const Tensor& w, std::int64_t dw, Tensor& y,
                   bool accumulate) const {
  // One product a direction, with w transposed here: how gemm sums depends on the sizes and on which factor it has to
  // transpose, and a sample's result shall depend neither on the directions nor on how many samples there are.
  const std::int64_t N = x.size(0) / dx, I = x.size(1), O = w.size(0) / dw;
  visit_float(x.dtype(), name(), [&]<class T>() {
    ScratchScope scratch;
    T* columns = scratch.take<T>(I * O);
    for (std::int64_t d = 0; d < std::max(dx, dw); ++d) {
      if (d < dw)
        transpose(O, I, w.data<T>() + d * O * I, I, columns, O);
      multiply(false, N, O, I, x.data<T>() + (dx == 1 ? 0 : d * N * I), columns, T(accumulate),
               y.data<T>() + d * N * O);
    }
  });
}

void Linear::transpose_a(std::int64_t, const Tensor& y_bar, const Tensor& w, GradSlot x_bar) const {
  visit_float(w.dtype(), name(), [&]<class T>() {
    multiply(false, y_bar.size(0), w.size(1), w.size(0), y_bar.data<T>(), w.data<T>(), x_bar.beta<T>(),
             x_bar.dst->data<T>());
  });
}

void Linear::transpose_b(std::int64_t D, const Tensor& y_bar, const Tensor& x, GradSlot w_bar) const {
  const std::int64_t N = x.size(0), I = x.size(1), O = y_bar.size(1);
  visit_float(x.dtype(), name(), [&]<class T>() {
    for (std::int64_t d = 0; d < D; ++d)
      multiply(true, O, I, N, y_bar.data<T>() + d * N * O, x.data<T>(), w_bar.beta<T>(),
               w_bar.dst->data<T>() + d * O * I);
  });
}

namespace {

OpSample sample(std::string name, const Shape& x, const Shape& w) {
  return {.name = std::move(name),
          .make = [] { return std::make_unique<Linear>(); },
          .inputs = {{.shape = x}, {.shape = w}},
          .reference =
              [](Inputs in) {
                const std::int64_t N = in[0].size(0), I = in[0].size(1), O = in[1].size(0);
                Tensor y = Tensor::zeros({N, O}, DType::kFloat64);
                for (std::int64_t n = 0; n < N; ++n) {
                  for (std::int64_t o = 0; o < O; ++o) {
                    for (std::int64_t i = 0; i < I; ++i)
                      y.data<double>()[n * O + o] += in[0].data<double>()[n * I + i] * in[1].data<double>()[o * I + i];
                  }
                }
                return std::vector<Tensor>{y};
              },
          .diagonal_inputs = {1}};
}

BadSample bad(const Spec& x, const Spec& w, std::vector<std::string> parts) {
  return {.make = [] { return std::make_unique<Linear>(); }, .inputs = {x, w}, .message_parts = std::move(parts)};
}

OCKHAM_REGISTER_OP(linear,
                   {.name = "linear",
                    .samples = {sample("5 to 3", {4, 5}, {3, 5}), sample("one sample, 19 to 7", {1, 19}, {7, 19}),
                                sample("33 samples to one", {33, 2}, {1, 2}),
                                sample("as wide as a GPU's library takes", {5, 131}, {130, 131})},
                    .bad = {bad({{4, 5}}, {{5, 3}}, {"linear", "[4,5]", "[5,3]", "x has 5", "w takes 3"}),
                            bad({{4, 5, 1}}, {{3, 5}}, {"[4,5,1]", "reshape"}),
                            bad({{4, 5}}, {{3, 5}, DType::kFloat64}, {"float64[3,5]", "one of them"})}});

}  // namespace

Variable linear(const Variable& x, const Variable& w) {
  return record_one(std::make_shared<const Linear>(), {x, w});
}

}  // namespace ockham
