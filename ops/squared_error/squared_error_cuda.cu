#include "autograd/device_passes.h"
#include "engine/cuda/map.h"
#include "ops/squared_error/squared_error_op.h"

namespace ockham::cuda {

struct Difference {
  template <class T>
  constexpr T operator()(T a, T b) const {
    return a - b;
  }
};

/// x_bar[d, i] (+)= y_bar[d] / N * residual[i]
template <class T>
struct SquaredErrorVjp {
  static constexpr int kThreads = 256;
  static constexpr int kPerThread = 4;
  static constexpr std::int64_t kPerBlock = kThreads * kPerThread;
  std::int64_t D, n;
  double per_sample;  ///< 1 / N
  const T* y_bar;
  const T* residual;
  T* x_bar;
  bool adds;

  std::int64_t blocks() const { return D * blocks_for(n, kPerBlock); }
  void operands(Operands& o) const {
    o.reads(y_bar, D);
    o.reads(residual, n);
    o.writes(x_bar, D * n);
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t pieces = blocks_for(n, kPerBlock);
    const std::int64_t d = block / pieces;
    const std::int64_t first = block % pieces * kPerBlock + threadIdx.x;
    const T factor = static_cast<T>(per_sample * static_cast<double>(y_bar[d]));
    for (int k = 0; k < kPerThread; ++k) {
      const std::int64_t i = first + k * kThreads;
      if (i < n) {
        const T value = factor * residual[i];
        x_bar[d * n + i] = adds ? x_bar[d * n + i] + value : value;
      }
    }
  }
};

/// parts[d, p] = y_bar times the sum of squares of t[d] over piece p.
template <class T>
struct ScaledSquares {
  static constexpr int kThreads = 256;
  static constexpr std::int64_t kPiece = kThreads * 16;
  std::int64_t D, n;
  const T* y_bar;
  const T* t;
  double* parts;

  std::int64_t blocks() const { return D * blocks_for(n, kPiece); }
  void operands(Operands& o) const {
    o.reads(y_bar, 1);
    o.reads(t, D * n);
    o.writes(parts, blocks());
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t pieces = blocks_for(n, kPiece);
    const std::int64_t d = block / pieces;
    const std::int64_t first = block % pieces * kPiece;
    const std::int64_t end = first + kPiece < n ? first + kPiece : n;
    double total = 0.0;
    for (std::int64_t i = first + threadIdx.x; i < end; i += kThreads)
      total += static_cast<double>(t[d * n + i]) * static_cast<double>(t[d * n + i]);
    total = block_sum<kThreads>(total);
    if (threadIdx.x == 0)
      parts[block] = total * static_cast<double>(*y_bar);
  }
};

/// Columns [first, first + count) of the factor, [count, N, C]: 1 / sqrt(N) at output first + k.
template <class T>
struct UnitColumns {
  static constexpr int kThreads = 256;
  std::int64_t count, N, C;
  std::int64_t first;
  T* columns;

  std::int64_t blocks() const { return blocks_for(count * N * C, kThreads); }
  void operands(Operands& o) const { o.writes(columns, count * N * C); }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t i = block * kThreads + threadIdx.x;
    if (i < count * N * C)
      columns[i] = i % C == first + i / (N * C) ? static_cast<T>(1.0 / sqrt(static_cast<double>(N))) : T(0);
  }
};

class SquaredErrorCuda : public DevicePasses {
 public:
  bool forward(const Op& op, Inputs x, Outputs y, Saved& saved) const override {
    Tensor residual(x[0].spec(), x[0].device());
    visit_float(residual.dtype(), op.name(), [&]<class T>() {
      map<T>(1, residual, false, Difference{}, x[0], x[1]);
      const Tensor parts = sums_of<T>(1, residual.numel(), Product{}, residual, residual);
      sum_rows(parts, y[0], false, 0.5 * per_sample(residual));
    });
    saved.keep(residual);
    return true;
  }

  bool vjp(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override {
    if (!x_bar[0])
      return true;
    const Tensor& residual = saved[0];
    visit_float(residual.dtype(), op.name(), [&]<class T>() {
      launch(SquaredErrorVjp<T>{.D = D,
                                .n = residual.numel(),
                                .per_sample = per_sample(residual),
                                .y_bar = y_bar[0].device_data<T>(),
                                .residual = residual.device_data<T>(),
                                .x_bar = x_bar[0].dst->template device_data<T>(),
                                .adds = x_bar[0].accumulate});
    });
    return true;
  }

  bool jvp(const Op& op, const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override {
    const Tensor& residual = saved[0];
    visit_float(residual.dtype(), op.name(), [&]<class T>() {
      const Tensor parts = sums_of<T>(D, residual.numel(), Product{}, residual, x_dot[0]);
      sum_rows(parts, y_dot[0], false, per_sample(residual));
    });
    return true;
  }

  bool curvature(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs,
                 std::span<double> acc) const override {
    const Tensor& residual = saved[0];
    const std::int64_t n = residual.numel();
    visit_float(residual.dtype(), op.name(), [&]<class T>() {
      using Kernel = ScaledSquares<T>;
      Tensor parts({D, blocks_for(n, Kernel::kPiece)}, DType::kFloat64, residual.device());
      launch(Kernel{.D = D,
                    .n = n,
                    .y_bar = y_bar[0].device_data<T>(),
                    .t = x_dot[0].device_data<T>(),
                    .parts = parts.device_data<double>()});
      add_row_sums(parts, per_sample(residual), acc);
    });
    return true;
  }

  bool factor(const Op& op, const Saved& saved, std::int64_t first, std::int64_t count,
              Tensor& columns) const override {
    visit_float(columns.dtype(), op.name(), [&]<class T>() {
      launch(UnitColumns<T>{.count = count,
                            .N = saved[0].size(0),
                            .C = saved[0].size(1),
                            .first = first,
                            .columns = columns.device_data<T>()});
    });
    return true;
  }

 private:
  static double per_sample(const Tensor& residual) { return 1.0 / static_cast<double>(residual.size(0)); }
};

OCKHAM_CUDA_PASSES(squared_error, SquaredError, SquaredErrorCuda);

}  // namespace ockham::cuda
