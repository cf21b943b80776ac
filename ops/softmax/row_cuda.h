#pragma once
// RowOp<F> on the GPU: a warp takes a row, from the same F as the CPU. For ops/NAME/NAME_cuda.cu.
#include "autograd/device_passes.h"
#include "engine/cuda/block.h"
#include "engine/cuda/launch.h"
#include "engine/cuda/reduce.h"
#include "ops/softmax/row_op.h"

namespace ockham::cuda {

/// A row of C values, for the 32 threads of a warp, all of which must ask. Loops are not unrolled: several exponentials
/// in double at once take more registers than there are.
struct WarpRow {
  std::int64_t C;

  template <class Term>
  __device__ double sum(Term term) const {
    double total = 0.0;
#pragma unroll 1
    for (std::int64_t i = threadIdx.x % 32; i < C; i += 32)
      total += static_cast<double>(term(i));
    return warp_sum(total);
  }
  /// NaN if there is one.
  template <class T>
  __device__ T largest(const T* x) const {
    T value = x[0];
    const auto take = [&](T other) { value = other > value || !(other == other) ? other : value; };
    for (std::int64_t i = threadIdx.x % 32; i < C; i += 32)
      take(x[i]);
    for (int offset = 16; offset > 0; offset >>= 1)
      take(__shfl_xor_sync(0xffffffffu, value, offset));
    return value;
  }
  template <class Body>
  __device__ void each(Body body) const {
#pragma unroll 1
    for (std::int64_t i = threadIdx.x % 32; i < C; i += 32)
      body(i);
  }
};

/// Derived::take(row, number of the row) for every row, a warp each.
template <class Derived>
struct PerRow {
  static constexpr int kThreads = 256;
  static constexpr int kPerBlock = kThreads / 32;

  std::int64_t blocks() const { return blocks_for(derived().rows, kPerBlock); }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t row = block * kPerBlock + threadIdx.x / 32;
    if (row < derived().rows)
      derived().take(WarpRow{derived().C}, row);
  }
  __host__ __device__ const Derived& derived() const { return static_cast<const Derived&>(*this); }
};

enum class RowPass { kForward, kVjp, kJvp };

template <class F, class T, RowPass kPass>
struct RowValues : PerRow<RowValues<F, T, kPass>> {
  std::int64_t rows, C;
  std::int64_t samples;  ///< rows of one direction
  const T* saved;        ///< not in the forward pass
  const T* x;
  RowOutput<T> y;

  void operands(Operands& o) const {
    o.reads(saved, samples * C);
    o.reads(x, rows * C);
    o.writes(y.y, rows * C);
  }
  __device__ void take(const WarpRow& row, std::int64_t r) const {
    const T* const in = x + r * C;
    const RowOutput<T> out{y.y + r * C, y.adds};
    if constexpr (kPass == RowPass::kForward)
      F::forward(row, in, out.y);
    else if constexpr (kPass == RowPass::kVjp)
      F::vjp(row, saved + r % samples * C, in, out);
    else
      F::jvp(row, saved + r % samples * C, in, out);
  }
};

/// parts[d, sample]
template <class F, class T>
struct RowCurvature : PerRow<RowCurvature<F, T>> {
  std::int64_t rows, C;
  std::int64_t samples;
  const T* y;
  const T* g;
  const T* t;
  double* parts;

  void operands(Operands& o) const {
    o.reads(y, samples * C);
    o.reads(g, samples * C);
    o.reads(t, rows * C);
    o.writes(parts, rows);
  }
  __device__ void take(const WarpRow& row, std::int64_t r) const {
    const std::int64_t sample = r % samples;
    const double value = F::curvature(row, y + sample * C, g + sample * C, t + r * C);
    if (threadIdx.x % 32 == 0)
      parts[r] = value;
  }
};

template <class F>
class RowCuda : public DevicePasses {
 public:
  bool forward(const Op&, Inputs x, Outputs y, Saved& saved) const override {
    run<RowPass::kForward>(y[0], 1, x[0], y[0], false);
    saved.keep(y[0]);
    return true;
  }
  bool vjp(const Op&, const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override {
    if (x_bar[0])
      run<RowPass::kVjp>(saved[0], D, y_bar[0], *x_bar[0].dst, x_bar[0].accumulate);
    return true;
  }
  bool jvp(const Op&, const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override {
    run<RowPass::kJvp>(saved[0], D, x_dot[0], y_dot[0], false);
    return true;
  }
  bool curvature(const Op&, const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs,
                 std::span<double> acc) const override {
    const Tensor& y = saved[0];
    const std::int64_t C = y.size(y.rank() - 1);
    const std::int64_t samples = y.numel() / C;
    Tensor parts({D, samples}, DType::kFloat64, y.device());
    visit_float(y.dtype(), F::kName, [&]<class T>() {
      launch(RowCurvature<F, T>{.rows = D * samples,
                                .C = C,
                                .samples = samples,
                                .y = y.device_data<T>(),
                                .g = y_bar[0].device_data<T>(),
                                .t = x_dot[0].device_data<T>(),
                                .parts = parts.device_data<double>()});
    });
    add_row_sums(parts, 1.0, acc);
    return true;
  }

 private:
  /// `y`: of the op, [..., C].
  template <RowPass kPass>
  static void run(const Tensor& y, std::int64_t D, const Tensor& in, Tensor& out, bool adds) {
    const std::int64_t C = y.size(y.rank() - 1);
    visit_float(y.dtype(), F::kName, [&]<class T>() {
      launch(RowValues<F, T, kPass>{.rows = D * (y.numel() / C),
                                    .C = C,
                                    .samples = y.numel() / C,
                                    .saved = kPass == RowPass::kForward ? nullptr : y.device_data<T>(),
                                    .x = in.device_data<T>(),
                                    .y = {out.device_data<T>(), adds}});
    });
  }
};

}  // namespace ockham::cuda
