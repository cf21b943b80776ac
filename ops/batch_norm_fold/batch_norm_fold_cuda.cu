#include "autograd/device_passes.h"
#include "engine/cuda/reduce.h"
#include "ops/batch_norm_fold/batch_norm_fold_cuda.h"

namespace ockham::cuda {

/// Tangents, or the terms of a curvature.
template <class T>
struct FoldPush {
  static constexpr int kThreads = 64;
  FoldValues<T> of;
  std::int64_t D;
  const T* m_dot;  ///< these null: zeros
  const T* gamma_dot;
  const T* beta_dot;
  T* y_dot;        ///< null: not wanted
  const T* y_bar;  ///< of one cotangent
  double* terms;   ///< [D, C]; null: not wanted
  std::int64_t blocks() const { return blocks_for(D * of.C, kThreads); }
  void operands(Operands& o) const {
    of.operands(o);
    o.reads(m_dot, D * 2 * of.C);
    o.reads(gamma_dot, D * of.C);
    o.reads(beta_dot, D * of.C);
    o.writes(y_dot, D * 2 * of.C);
    o.reads(y_bar, 2 * of.C);
    o.writes(terms, D * of.C);
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t i = block * kThreads + threadIdx.x;
    if (i >= D * of.C)
      return;
    const std::int64_t c = i % of.C;
    const std::int64_t at = i / of.C * 2 * of.C + c;
    const FoldChannel channel = of.channel(c);
    const FoldTangent t{value(m_dot, at), value(m_dot, at + of.C), value(gamma_dot, i), value(beta_dot, i)};
    if (y_dot != nullptr) {
      y_dot[at] = static_cast<T>(channel.scale_dot(t));
      y_dot[at + of.C] = static_cast<T>(channel.shift_dot(t));
    }
    if (terms != nullptr)
      terms[i] = channel.curvature(value(y_bar, c), value(y_bar, of.C + c), t);
  }
  static __device__ double value(const T* data, std::int64_t i) { return data ? static_cast<double>(data[i]) : 0.0; }
};

class BatchNormFoldCuda : public DevicePasses {
 public:
  bool forward(const Op& op, Inputs x, Outputs y, Saved& saved) const override {
    saved.keep(x[0]);
    if (x.size() > 1)
      saved.keep(x[BatchNormFold::kGamma]);
    visit_float(x[0].dtype(), op.name(), [&]<class T>() {
      launch(FoldForward<T>{.of = values<T>(op, saved),
                            .beta = x.size() > 1 ? x[BatchNormFold::kBeta].device_data<T>() : nullptr,
                            .y = y[0].device_data<T>()});
    });
    return true;
  }
  bool vjp(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override {
    visit_float(saved[0].dtype(), op.name(), [&]<class T>() {
      const auto slot = [&](std::size_t input) -> FoldSlot<T> {
        if (input >= x_bar.size() || !x_bar[input])
          return {};
        return {x_bar[input].dst->device_data<T>(), x_bar[input].accumulate};
      };
      launch(FoldPull<T>{.of = values<T>(op, saved),
                         .D = D,
                         .y_bar = y_bar[0].device_data<T>(),
                         .m_bar = slot(0),
                         .gamma_bar = slot(BatchNormFold::kGamma),
                         .beta_bar = slot(BatchNormFold::kBeta)});
    });
    return true;
  }
  bool jvp(const Op& op, const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override {
    push(op, saved, D, x_dot, &y_dot[0], {}, {});
    return true;
  }
  bool curvature(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs,
                 std::span<double> acc) const override {
    const Tensor terms({D, saved[0].size(1)}, DType::kFloat64, saved[0].device());
    push(op, saved, D, x_dot, nullptr, y_bar[0], terms);
    add_row_sums(terms, 1.0, acc);
    return true;
  }

 private:
  template <class T>
  static FoldValues<T> values(const Op& op, const Saved& saved) {
    const auto& fold = static_cast<const BatchNormFold&>(op);
    return {.C = saved[0].size(1),
            .eps = fold.eps(),
            .m = saved[0].device_data<T>(),
            .gamma = fold.is_affine() ? saved[1].device_data<T>() : nullptr};
  }
  static void push(const Op& op, const Saved& saved, std::int64_t D, Inputs x_dot, Tensor* y_dot, const Tensor& y_bar,
                   Tensor terms) {
    visit_float(saved[0].dtype(), op.name(), [&]<class T>() {
      const auto data = [](const Tensor& t) -> const T* { return t ? t.device_data<T>() : nullptr; };
      const auto tangent = [&](std::size_t input) { return input < x_dot.size() ? data(x_dot[input]) : nullptr; };
      launch(FoldPush<T>{.of = values<T>(op, saved),
                         .D = D,
                         .m_dot = tangent(0),
                         .gamma_dot = tangent(BatchNormFold::kGamma),
                         .beta_dot = tangent(BatchNormFold::kBeta),
                         .y_dot = y_dot ? y_dot->device_data<T>() : nullptr,
                         .y_bar = data(y_bar),
                         .terms = terms ? terms.device_data<double>() : nullptr});
    });
  }
};

OCKHAM_CUDA_PASSES(batch_norm_fold, BatchNormFold, BatchNormFoldCuda);

}  // namespace ockham::cuda
