#pragma once
// The op of conv_unit.h: declaration, and what its passes share. Passes are in conv_unit.cpp (forward,
// weight_diagonal), conv_unit_vjp.cpp and conv_unit_tangent.cpp (jvp, curvature).
#include "autograd/side_interfaces.h"
#include "engine/parallel.h"
#include "ops/conv_unit/conv_unit.h"
#include "ops/conv_unit/conv_unit_stage.h"
#include "ops/moments/moments_kernels.h"

namespace ockham {

/// Samples of one task: a number that depends on N alone, so that sums over samples are grouped alike everywhere.
inline std::int64_t sample_grain(std::int64_t N) {
  constexpr std::int64_t kMostTasks = 20;
  return (N + kMostTasks - 1) / kMostTasks;
}

/// r of all N samples; undefined where nothing happens to x, which is then r itself.
template <class T>
Tensor loaded(const cpu::UnitSample<T>& unit, std::int64_t N) {
  if (!unit.loads())
    return {};
  const std::int64_t numel = unit.conv.x_sample();
  Tensor r({N, numel}, kDTypeOf<T>);
  parallel_for(N, sample_grain(N), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n)
      unit.load(n, r.data<T>() + n * numel);
  });
  return r;
}

/// Inputs are x, [affine], w, [w_pointwise]; Saved holds the same, then z and its moments if asked for.
class ConvUnit : public Op,
                 public ReadsBFloat16,
                 public TakesScaled,
                 public ReadsInputCotangents,
                 public HasJointCurvature,
                 public CountsFlops {
 public:
  ConvUnit(const ConvUnitAttrs& attrs, bool has_affine, bool has_pointwise)
      : attrs_(attrs),
        affine_at_(has_affine ? 1 : kNone),
        w_at_(has_affine ? 2 : 1),
        pointwise_at_(has_pointwise ? w_at_ + 1 : kNone),
        inputs_(w_at_ + (has_pointwise ? 2 : 1)) {}

  /// Where an input stands, and what stands in the order of inputs; kNone where the unit has none.
  static constexpr std::size_t kNone = 100;
  std::size_t affine_at() const { return affine_at_; }
  std::size_t w_at() const { return w_at_; }
  std::size_t pointwise_at() const { return pointwise_at_; }
  const ConvUnitAttrs& unit() const { return attrs_; }

  std::string_view name() const override { return "conv_unit"; }
  std::string attrs() const override;
  std::size_t input_count() const override { return inputs_; }
  Smoothness smoothness() const override { return attrs_.rectifies ? Smoothness::kPiecewise : Smoothness::kTwice; }
  Algebra algebra() const override { return attrs_.takes_moments ? Algebra::kCurved : Algebra::kMultilinear; }
  bool is_parameter(std::size_t input) const override { return input != 0; }
  bool couples_samples() const override { return attrs_.takes_moments; }
  bool curvature_reads_x_bar() const override { return affine_at_ != kNone; }

  std::vector<Spec> infer(std::span<const Spec> x) const override;
  std::string kernel(std::span<const Spec> x) const override;
  double flops(std::span<const Spec> x) const override;

  void forward(Inputs x, Outputs y, Saved& saved) const override;
  void vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override {
    vjp_scaled(saved, D, y_bar, {}, x_bar);
  }
  void vjp_scaled(const Saved& saved, std::int64_t D, Inputs y_bar, const Tensor& factor,
                  std::span<GradSlot> x_bar) const override;
  void jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override;
  void curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_bar, Inputs x_dot, Inputs y_dot,
                 std::span<double> acc) const override;
  void jvp_curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_bar, Inputs x_dot, Outputs y_dot,
                     std::span<double> acc) const override;
  void weight_diagonal(const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input, Grouping grouping,
                       Tensor& H) const override;

 private:
  template <class T>
  cpu::UnitSample<T> sample_of(const Saved& saved) const {
    const auto data = [&](std::size_t input) { return input == kNone ? nullptr : saved[input].data<T>(); };
    cpu::UnitSample<T> unit{.conv = cpu::conv2d_size(attrs_.conv, saved[0].shape(), saved[w_at_].shape()),
                            .point = {},
                            .rectifies = attrs_.rectifies,
                            .x = SampleReader<T>(saved[0]),
                            .affine = data(affine_at_),
                            .w = data(w_at_),
                            .w_pointwise = data(pointwise_at_)};
    unit.conv.N = 1;
    if (pointwise_at_ != kNone)
      unit.point = cpu::conv2d_size({}, Shape{1, unit.conv.K, unit.conv.P, unit.conv.Q}, saved[pointwise_at_].shape());
    return unit;
  }

  /// The whole cotangent of z: y_bar[0] times `factor` per channel, and from the moments' cotangent m_bar [D, 2, K] for
  /// channel k of direction d mean_bar/M + 2 var_bar (z - mean)/M.
  template <class T>
  struct MomentsCotangent {
    SampleReader<T> z = {};
    const T* m = nullptr;
    const T* m_bar = nullptr;   // null: none
    const T* factor = nullptr;  // null: 1
    std::int64_t K = 0, plane = 0;
    double M = 1.0;

    bool changes() const { return m_bar != nullptr || factor != nullptr; }
    /// That of one sample and direction; in `tile`, or z_bar itself where nothing changes.
    const T* add(std::int64_t n, std::int64_t d, const T* z_bar, T* tile) const {
      if (!changes())
        return z_bar;
      for (std::int64_t k = 0; k < K; ++k) {
        const T* const bar = z_bar ? z_bar + k * plane : nullptr;
        const T scale = factor ? factor[k] : T(1);
        if (m_bar == nullptr) {
          cpu::add_moments_cotangent(plane, scale, bar, T(0), T(0), bar, tile + k * plane);
          continue;
        }
        const double slope = 2.0 * static_cast<double>(m_bar[(2 * d + 1) * K + k]) / M;
        const double constant = static_cast<double>(m_bar[2 * d * K + k]) / M - slope * static_cast<double>(m[k]);
        cpu::add_moments_cotangent(plane, scale, bar, static_cast<T>(constant), static_cast<T>(slope),
                                   z.of(n) + k * plane, tile + k * plane);
      }
      return tile;
    }
  };

  template <class T>
  MomentsCotangent<T> moments_cotangent(const Saved& saved, const cpu::UnitSample<T>& unit, Inputs y_bar,
                                        const Tensor& factor = {}) const {
    MomentsCotangent<T> result{
        .factor = factor ? factor.data<T>() : nullptr, .K = unit.z_channels(), .plane = unit.z_plane()};
    if (!attrs_.takes_moments)
      return result;
    result.z = SampleReader<T>(saved[inputs_]);
    result.m = saved[inputs_ + 1].data<T>();
    result.m_bar = y_bar[1] ? y_bar[1].data<T>() : nullptr;
    result.M = static_cast<double>(saved[0].size(0) * unit.z_plane());
    return result;
  }

  /// Calls body.template operator()<Stage>(layouts) for the form of the first convolution that suits it.
  template <class T, class Body>
  static void with_stage(const cpu::UnitSample<T>& unit, ScratchScope& scratch, Body&& body) {
    using Depthwise = cpu::DepthwiseStage<T>;
    using Sample = cpu::SampleStage<T>;
    if (unit.conv_kernel().form == cpu::Conv2dForm::kDepthwise)
      body.template operator()<Depthwise>(typename Depthwise::Shared(unit, scratch));
    else
      body.template operator()<Sample>(typename Sample::Shared(unit, scratch));
  }

  /// The slots of the inputs by name.
  struct Slots {
    GradSlot x, affine, w, point;
  };
  Slots slots_of(std::span<GradSlot> x_bar) const {
    const auto slot = [&](std::size_t input) { return input == kNone ? GradSlot{} : x_bar[input]; };
    return {x_bar[0], slot(affine_at_), x_bar[w_at_], slot(pointwise_at_)};
  }

  template <class Stage, class T>
  void forward_by_samples(const cpu::UnitSample<T>& unit, const typename Stage::Shared& layouts, std::int64_t N,
                          Tensor& y, cpu::PlaneMoments* planes) const;
  template <class T>
  void forward_by_stages(const cpu::UnitSample<T>& unit, std::int64_t N, Tensor& y, cpu::PlaneMoments* planes) const;
  template <class Stage, class T>
  void vjp_by_samples(const cpu::UnitSample<T>& unit, const typename Stage::Shared& layouts, const Saved& saved,
                      std::int64_t D, Inputs y_bar, const Tensor& factor, std::span<GradSlot> x_bar) const;
  template <class T>
  void vjp_by_stages(const cpu::UnitSample<T>& unit, const Saved& saved, std::int64_t D, Inputs y_bar,
                     const Tensor& factor, std::span<GradSlot> x_bar) const;
  template <class T>
  void weight_gradients(const cpu::Conv2dSize& conv, const T* r, const T* z_bar, const Saved& saved, std::int64_t d,
                        const Slots& slots) const;
  template <class T>
  struct Tangents;
  template <class T>
  Tangents<T> tangents_of(const Saved& saved, Inputs x_dot) const;
  template <class T>
  struct Bends;
  template <class T>
  Bends<T> bends_of(const Saved& saved, std::int64_t D, const cpu::UnitSample<T>& unit, const Tangents<T>& t,
                    Inputs y_bar, Inputs x_bar, ScratchScope& scratch) const;
  template <class Stage, class T>
  class TangentTask;
  template <class Stage, class T>
  void push_samples(const cpu::UnitSample<T>& unit, const typename Stage::Shared& layouts, const Saved& saved,
                    std::int64_t D, const Tangents<T>& t, const Bends<T>& bends, T* z_dot, cpu::TangentMoments* sums,
                    double* parts) const;
  template <class T>
  void push(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_bar, Inputs x_dot, Outputs y_dot,
            std::span<double> acc) const;

  const ConvUnitAttrs attrs_;
  const std::size_t affine_at_, w_at_, pointwise_at_;  // positions of the inputs; kNone where absent
  const std::size_t inputs_;
};

}  // namespace ockham
