#include "ops/softmax/row_cuda.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy_op.h"

namespace ockham::cuda {

/// losses[n]; p. A label outside [0, C), which a kernel cannot report, makes its loss NaN.
template <class T>
struct CrossEntropyForward : PerRow<CrossEntropyForward<T>> {
  static constexpr int kBlocksAtOnce = 2;  // more would spill registers
  std::int64_t rows, C;
  SmoothedLabel q;
  const T* z;
  const std::int64_t* labels;
  T* p;
  double* losses;

  void operands(Operands& o) const {
    o.reads(z, rows * C);
    o.reads(labels, rows);
    o.writes(p, rows * C);
    o.writes(losses, rows);
  }
  __device__ void take(const WarpRow& row, std::int64_t n) const {
    const bool is_label = labels[n] >= 0 && labels[n] < C;
    const double loss = q.loss(row, z + n * C, is_label ? labels[n] : 0, p + n * C);
    if (threadIdx.x % 32 == 0)
      losses[n] = is_label ? loss : static_cast<double>(NAN);
  }
};

template <class T>
struct CrossEntropyVjp : PerRow<CrossEntropyVjp<T>> {
  std::int64_t rows, C;
  std::int64_t samples;
  SmoothedLabel q;
  const T* p;
  const std::int64_t* labels;
  const T* y_bar;
  RowOutput<T> x_bar;

  void operands(Operands& o) const {
    o.reads(p, samples * C);
    o.reads(labels, samples);
    o.reads(y_bar, rows / samples);
    o.writes(x_bar.y, rows * C);
  }
  __device__ void take(const WarpRow& row, std::int64_t r) const {
    const std::int64_t n = r % samples;
    const double scale = static_cast<double>(y_bar[r / samples]) / static_cast<double>(samples);
    row.each([&](std::int64_t c) {
      const double value = scale * q.residual(static_cast<double>(p[n * C + c]), c, labels[n]);
      x_bar.put(r * C + c, static_cast<T>(value));
    });
  }
};

/// parts[d, n]: the loss of sample n along direction d, or its second derivative.
template <class T, bool kSecond>
struct CrossEntropyAlong : PerRow<CrossEntropyAlong<T, kSecond>> {
  std::int64_t rows, C;
  std::int64_t samples;
  SmoothedLabel q;
  const T* p;
  const std::int64_t* labels;
  const T* y_bar;  ///< kSecond only
  const T* t;
  double* parts;

  void operands(Operands& o) const {
    o.reads(p, samples * C);
    o.reads(labels, samples);
    o.reads(y_bar, 1);
    o.reads(t, rows * C);
    o.writes(parts, rows);
  }
  __device__ void take(const WarpRow& row, std::int64_t r) const {
    const std::int64_t n = r % samples;
    double value = 0.0;
    if constexpr (kSecond)
      value = static_cast<double>(*y_bar) * SmoothedLabel::curvature(row, p + n * C, t + r * C);
    else
      value = q.slope(row, p + n * C, labels[n], t + r * C);
    if (threadIdx.x % 32 == 0)
      parts[r] = value;
  }
};

/// rank[n, c]: how many classes come before c by falling p, ties in order of class; sorted[n, rank] = p.
template <class T>
struct RankClasses : PerRow<RankClasses<T>> {
  std::int64_t rows, C;
  const T* p;
  std::int64_t* rank;
  double* sorted;

  void operands(Operands& o) const {
    o.reads(p, rows * C);
    o.writes(rank, rows * C);
    o.writes(sorted, rows * C);
  }
  __device__ void take(const WarpRow& row, std::int64_t n) const {
    const T* const pn = p + n * C;
    row.each([&](std::int64_t c) {
      std::int64_t before = 0;
      for (std::int64_t other = 0; other < C; ++other)
        before += pn[other] > pn[c] || (pn[other] == pn[c] && other < c) ? 1 : 0;
      rank[n * C + c] = before;
      sorted[n * C + before] = static_cast<double>(pn[c]);
    });
  }
};

/// tail[n, k] = the sum of sorted[n, j] over j >= k, from the smallest up; k = 0 ... C.
struct TailSums {
  static constexpr int kThreads = 64;
  std::int64_t rows, C;
  const double* sorted;
  double* tail;

  std::int64_t blocks() const { return blocks_for(rows, kThreads); }
  void operands(Operands& o) const {
    o.reads(sorted, rows * C);
    o.writes(tail, rows * (C + 1));
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t n = block * kThreads + threadIdx.x;
    if (n >= rows)
      return;
    double total = 0.0;
    tail[n * (C + 1) + C] = total;
    for (std::int64_t k = C; k-- > 0;)
      tail[n * (C + 1) + k] = total += sorted[n * C + k];
  }
};

/// Columns of the factor, [count, samples, C]; softmax_cross_entropy.cpp has the formula.
template <class T>
struct FactorColumns : PerRow<FactorColumns<T>> {
  std::int64_t rows, C;
  std::int64_t samples;
  std::int64_t first;
  const T* p;
  const std::int64_t* rank;
  const double* sorted;
  const double* tail;
  T* columns;

  void operands(Operands& o) const {
    o.reads(p, samples * C);
    o.reads(rank, samples * C);
    o.reads(sorted, samples * C);
    o.reads(tail, samples * (C + 1));
    o.writes(columns, rows * C);
  }
  __device__ void take(const WarpRow& row, std::int64_t r) const {
    const std::int64_t n = r % samples;
    const std::int64_t k = first + r / samples;
    const double rest = tail[n * (C + 1) + k + 1];
    const double scale = 1.0 / sqrt(static_cast<double>(samples));
    const double share = rest > 0.0 ? sqrt(sorted[n * C + k] / tail[n * (C + 1) + k]) : 0.0;
    row.each([&](std::int64_t c) {
      const std::int64_t at = rank[n * C + c];
      double value = 0.0;
      if (rest > 0.0 && at == k)
        value = scale * share * sqrt(rest);
      else if (rest > 0.0 && at > k)
        value = -scale * share * (static_cast<double>(p[n * C + c]) / sqrt(rest));
      columns[r * C + c] = static_cast<T>(value);
    });
  }
};

class SoftmaxCrossEntropyCuda : public DevicePasses {
 public:
  bool forward(const Op& op, Inputs x, Outputs y, Saved& saved) const override {
    const std::int64_t N = x[0].size(0), C = x[0].size(1);
    Tensor p(x[0].spec(), x[0].device());
    Tensor losses({N}, DType::kFloat64, x[0].device());
    visit_float(p.dtype(), op.name(), [&]<class T>() {
      launch(CrossEntropyForward<T>{.rows = N,
                                    .C = C,
                                    .q = label_of(op, C),
                                    .z = x[0].device_data<T>(),
                                    .labels = x[1].device_data<std::int64_t>(),
                                    .p = p.device_data<T>(),
                                    .losses = losses.device_data<double>()});
    });
    sum_rows(losses, y[0], false, 1.0 / static_cast<double>(N));
    saved.keep(p, x[1]);
    return true;
  }

  bool vjp(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override {
    if (!x_bar[0])
      return true;
    const Tensor& p = saved[0];
    visit_float(p.dtype(), op.name(), [&]<class T>() {
      launch(CrossEntropyVjp<T>{.rows = D * p.size(0),
                                .C = p.size(1),
                                .samples = p.size(0),
                                .q = label_of(op, p.size(1)),
                                .p = p.device_data<T>(),
                                .labels = saved[1].device_data<std::int64_t>(),
                                .y_bar = y_bar[0].device_data<T>(),
                                .x_bar = {x_bar[0].dst->template device_data<T>(), x_bar[0].accumulate}});
    });
    return true;
  }

  bool jvp(const Op& op, const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override {
    const Tensor parts = along<false>(op, saved, D, {}, x_dot[0]);
    sum_rows(parts, y_dot[0], false, 1.0 / static_cast<double>(parts.size(1)));
    return true;
  }

  bool curvature(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs,
                 std::span<double> acc) const override {
    const Tensor parts = along<true>(op, saved, D, y_bar[0], x_dot[0]);
    add_row_sums(parts, 1.0 / static_cast<double>(parts.size(1)), acc);
    return true;
  }

  bool factor(const Op& op, const Saved& saved, std::int64_t first, std::int64_t count,
              Tensor& columns) const override {
    const Tensor& p = saved[0];
    const std::int64_t N = p.size(0), C = p.size(1);
    Tensor rank(p.shape(), DType::kInt64, p.device());
    Tensor sorted(p.shape(), DType::kFloat64, p.device());
    Tensor tail({N, C + 1}, DType::kFloat64, p.device());
    visit_float(p.dtype(), op.name(), [&]<class T>() {
      launch(RankClasses<T>{.rows = N,
                            .C = C,
                            .p = p.device_data<T>(),
                            .rank = rank.device_data<std::int64_t>(),
                            .sorted = sorted.device_data<double>()});
      launch(TailSums{.rows = N, .C = C, .sorted = sorted.device_data<double>(), .tail = tail.device_data<double>()});
      launch(FactorColumns<T>{.rows = count * N,
                              .C = C,
                              .samples = N,
                              .first = first,
                              .p = p.device_data<T>(),
                              .rank = rank.device_data<std::int64_t>(),
                              .sorted = sorted.device_data<double>(),
                              .tail = tail.device_data<double>(),
                              .columns = columns.device_data<T>()});
    });
    return true;
  }

 private:
  static SmoothedLabel label_of(const Op& op, std::int64_t C) {
    return {static_cast<const SoftmaxCrossEntropy&>(op).smoothing(), C};
  }

  /// [D, N]: the first or second derivative of every sample's loss along t[d].
  template <bool kSecond>
  static Tensor along(const Op& op, const Saved& saved, std::int64_t D, const Tensor& y_bar, const Tensor& t) {
    const Tensor& p = saved[0];
    const std::int64_t N = p.size(0), C = p.size(1);
    Tensor parts({D, N}, DType::kFloat64, p.device());
    visit_float(p.dtype(), op.name(), [&]<class T>() {
      launch(CrossEntropyAlong<T, kSecond>{.rows = D * N,
                                           .C = C,
                                           .samples = N,
                                           .q = label_of(op, C),
                                           .p = p.device_data<T>(),
                                           .labels = saved[1].device_data<std::int64_t>(),
                                           .y_bar = y_bar ? y_bar.device_data<T>() : nullptr,
                                           .t = t.device_data<T>(),
                                           .parts = parts.device_data<double>()});
    });
    return parts;
  }
};

OCKHAM_CUDA_PASSES(softmax_cross_entropy, SoftmaxCrossEntropy, SoftmaxCrossEntropyCuda);

}  // namespace ockham::cuda
