// The commented example. It writes every piece by hand, so that each can be seen; a real elementwise op would write
// a functor with f, df and d2f and use ElementwiseOp (ops/silu), a linear one LinearOp (ops/avg_pool2d), a bilinear
// one BilinearOp (ops/conv2d), and would get most of what follows from there.
#include "ops/skeleton/skeleton.h"

#include "autograd/registry.h"
#include "ops/skeleton/skeleton_op.h"

namespace ockham {
namespace {

/// J v = J^T v = 2 x v, for D vectors.
Tensor times_slope(const Tensor& x, std::int64_t D, const Tensor& v) {
  Tensor result(v.spec());
  visit_float(x.dtype(), "square", [&]<class T>() {
    const std::int64_t n = x.numel();
    for (std::int64_t i = 0; i < D * n; ++i)
      result.data<T>()[i] = T(2) * x.data<T>()[i % n] * v.data<T>()[i];
  });
  return result;
}

}  // namespace

// 2. Shapes first: everything that can be wrong with the inputs is refused here, with numbers and a remedy, so that
//    the passes need no checks.
std::vector<Spec> Square::infer(std::span<const Spec> x) const {
  if (!is_compute_type(x[0].dtype))
    throw DTypeError(describe(*this, x) + ": takes float32 or float64; convert with Tensor::to.");
  return {x[0]};
}

// 3. forward: y = f(x). y is allocated, its contents are garbage. Keep what later passes read, no more.
void Square::forward(Inputs x, Outputs y, Saved& saved) const {
  visit_float(x[0].dtype(), name(), [&]<class T>() {
    const T* in = x[0].data<T>();
    T* out = y[0].data<T>();
    for (std::int64_t i = 0; i < x[0].numel(); ++i)
      out[i] = in[i] * in[i];
  });
  saved.keep(x[0]);
}

// 4. vjp: x_bar (+)= J^T y_bar for D cotangents laid out one after another. A null slot means "not wanted". add()
//    overwrites or accumulates as the slot says.
void Square::vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const {
  if (x_bar[0])
    x_bar[0].add(times_slope(saved[0], D, y_bar[0]));
}

// 5. jvp: y_dot = J x_dot. With several inputs an undefined x_dot would mean zero and cost nothing.
void Square::jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const {
  y_dot[0] = times_slope(saved[0], D, x_dot[0]);
}

// 6. curvature: acc[d] += y_bar^T D2f[t, t] with t = x_dot of direction d; here f'' = 2. Summed in double.
void Square::curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs,
                       std::span<double> acc) const {
  visit_float(saved[0].dtype(), name(), [&]<class T>() {
    const std::int64_t n = saved[0].numel();
    const T* g = y_bar[0].data<T>();
    const T* t = x_dot[0].data<T>();
    for (std::int64_t d = 0; d < D; ++d) {
      for (std::int64_t i = 0; i < n; ++i)
        acc[static_cast<std::size_t>(d)] += 2.0 * static_cast<double>(g[i] * t[d * n + i] * t[d * n + i]);
    }
  });
}

namespace {

// 7. The reference: float64, obviously right, sharing nothing with the passes above.
std::vector<Tensor> reference(Inputs x) {
  Tensor y(x[0].spec());
  for (std::int64_t i = 0; i < y.numel(); ++i)
    y.data<double>()[i] = x[0].data<double>()[i] * x[0].data<double>()[i];
  return {y};
}

// 8. Registration. Every check of autograd/gradcheck/gradcheck.h runs on every sample, those of what the op declares
//    too; nobody writes a gradient test. Loops over threads (engine/parallel.h) would end its being is_serial.
const auto kMake = [] { return std::make_unique<Square>(); };
OCKHAM_REGISTER_OP(
    skeleton, {.name = "skeleton",
               .samples = {{.name = "matrix", .make = kMake, .inputs = {{{3, 5}}}, .reference = reference},
                           {.name = "feature map", .make = kMake, .inputs = {{{2, 3, 4, 5}}}, .reference = reference}},
               .bad = {{.make = kMake, .inputs = {{{3}, DType::kInt64}}, .message_parts = {"square", "int64[3]"}}},
               .is_serial = true});

}  // namespace

// 9. What users call.
Variable square(const Variable& x) {
  return record_one(std::make_shared<const Square>(), {x});
}

}  // namespace ockham
