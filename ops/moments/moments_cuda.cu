#include "autograd/device_passes.h"
#include "engine/cuda/reduce.h"
#include "ops/moments/moments_cuda.h"
#include "ops/moments/moments_op.h"

namespace ockham::cuda {

[[maybe_unused]] static const bool merge_takes_folds =
    register_absorption<MergeMoments<StoreMoments<float>>, FoldForward<float>>() &&
    register_absorption<MergeMoments<StoreMoments<double>>, FoldForward<double>>();

/// x_bar (+)= mean_bar/M + 2 var_bar (x - mean)/M. Directions of a plane follow each other, so that x is read from the
/// cache again.
template <class T>
struct MomentsPull {
  static constexpr int kThreads = PlaneTiling::kThreads;
  PlaneTiling tiling;
  std::int64_t C, D;
  double share;  ///< 1/M
  bool adds;
  const T* x;
  const double* means;
  const T* m_bar;  ///< [D*2, C]
  T* x_bar;
  std::int64_t blocks() const { return D * tiling.blocks(); }
  void operands(Operands& o) const {
    o.reads(x, tiling.planes * tiling.P);
    o.reads(means, C);
    o.reads(m_bar, D * 2 * C);
    o.writes(x_bar, D * tiling.planes * tiling.P);
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t d = block % D;
    const PlaneTiling::Place place = tiling.place(block / D);
    if (!place.is_inside)
      return;
    const std::int64_t c = static_cast<unsigned>(place.plane) % static_cast<unsigned>(C);
    const std::int64_t at = place.plane * tiling.P + place.at;
    const std::int64_t at_d = d * tiling.planes * tiling.P + at;
    const double mean = means[c];
    const T pivot = static_cast<T>(mean);
    const double slope = 2.0 * static_cast<double>(m_bar[(d * 2 + 1) * C + c]) * share;
    const double constant =
        static_cast<double>(m_bar[d * 2 * C + c]) * share + slope * (static_cast<double>(pivot) - mean);
    const Values<T> value = load_values<T>(x, at, tiling.wide());
    Values<T> result{};
    if (adds)
      result = load_values<T>(x_bar, at_d, tiling.wide());
    for (int i = 0; i < kWidth<T>; ++i)
      result.at[i] += static_cast<T>(constant) + static_cast<T>(slope) * (value.at[i] - pivot);
    store_values(x_bar, at_d, result, tiling.wide());
  }
};

template <class T>
struct PushMoments {
  double share;  ///< 1/M
  T* m_dot;      ///< [D*2, C]
  void operands(Operands& o, std::int64_t D, std::int64_t C) const { o.writes(m_dot, D * 2 * C); }
  __device__ void operator()(std::int64_t d, std::int64_t c, std::int64_t C, const ChannelSums& t) const {
    m_dot[d * 2 * C + c] = static_cast<T>(t.sum * share);
    m_dot[(d * 2 + 1) * C + c] = static_cast<T>(2.0 * t.cross * share);
  }
};

/// Of the curvature: 2 var_bar var(t).
template <class T>
struct BendMoments {
  double share;    ///< 1/M
  const T* m_bar;  ///< [2, C]
  double* terms;   ///< [D, C]
  void operands(Operands& o, std::int64_t D, std::int64_t C) const {
    o.reads(m_bar, 2 * C);
    o.writes(terms, D * C);
  }
  __device__ void operator()(std::int64_t d, std::int64_t c, std::int64_t C, const ChannelSums& t) const {
    terms[d * C + c] = 2.0 * static_cast<double>(m_bar[C + c]) * (t.squares - t.sum * t.sum * share) * share;
  }
};

class MomentsCuda : public DevicePasses {
 public:
  bool forward(const Op& op, Inputs x, Outputs y, Saved& saved) const override {
    const Map map(x[0]);
    Tensor exact(y[0].shape(), DType::kFloat64, y[0].device());
    visit_float(x[0].dtype(), op.name(), [&]<class T>() {
      merge_moments<T>(x[0], map.N, map.C, map.P,
                       StoreMoments<T>{.C = map.C, .exact = exact.device_data<double>(), .y = y[0].device_data<T>()});
    });
    saved.keep(x[0], exact);
    return true;
  }

  bool vjp(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override {
    if (!x_bar[0])
      return true;
    const Map map(saved[0]);
    visit_float(saved[0].dtype(), op.name(), [&]<class T>() {
      const T* const x = saved[0].device_data<T>();
      T* const to = x_bar[0].dst->device_data<T>();
      launch(MomentsPull<T>{.tiling = tiling_of<T>(map.N * map.C, map.P, is_wide<T>(map.P, x, to)),
                            .C = map.C,
                            .D = D,
                            .share = map.share(),
                            .adds = x_bar[0].accumulate,
                            .x = x,
                            .means = saved[1].device_data<double>(),
                            .m_bar = y_bar[0].device_data<T>(),
                            .x_bar = to});
    });
    return true;
  }

  bool jvp(const Op& op, const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override {
    const Map map(saved[0]);
    visit_float(saved[0].dtype(), op.name(), [&]<class T>() {
      merge_sums<T>(D, x_dot[0], saved[0], saved[1], map.N, map.C, map.P,
                    PushMoments<T>{.share = map.share(), .m_dot = y_dot[0].device_data<T>()});
    });
    return true;
  }

  bool curvature(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs,
                 std::span<double> acc) const override {
    const Map map(saved[0]);
    Tensor terms({D, map.C}, DType::kFloat64, saved[0].device());
    visit_float(saved[0].dtype(), op.name(), [&]<class T>() {
      merge_sums<T>(
          D, x_dot[0], saved[0], saved[1], map.N, map.C, map.P,
          BendMoments<T>{
              .share = map.share(), .m_bar = y_bar[0].device_data<T>(), .terms = terms.device_data<double>()});
    });
    add_row_sums(terms, 1.0, acc);
    return true;
  }

 private:
  /// A feature map [N, C, P].
  struct Map {
    explicit Map(const Tensor& x) : N(x.size(0)), C(x.size(1)), P(x.numel() / (N * C)) {}
    double share() const { return 1.0 / static_cast<double>(N * P); }
    std::int64_t N, C, P;
  };
};

OCKHAM_CUDA_PASSES(moments, MomentsOp, MomentsCuda);

}  // namespace ockham::cuda
