// With r' and q' = W r' + W' r the tangents, the second derivative of z is W_p W r'' + 2 W_p W' r' + 2 W_p' q', where
// r'' = 2 mask s_dot x_dot. The moments add that of the variance, 2/M (sum z'^2 - (sum z')^2 / M).
//
// The term of r'' needs mask r_bar, which the keeping sweep has already computed: x_bar = s mask r_bar. So it is
// 2 sum_c (s_dot/s) <x_bar, x_dot>; only where a scale is about zero are the convolutions transposed again.
#include <algorithm>
#include <cmath>

#include "engine/lanes.h"
#include "engine/parallel.h"
#include "ops/conv_unit/conv_unit_op.h"
#include "ops/conv_unit/conv_unit_tangent_stage.h"

namespace ockham {

using cpu::TangentMoments;
using cpu::UnitSample;
using cpu::UnitTangent;

template <class T>
struct ConvUnit::Tangents {
  const T *x, *affine, *w, *point;
  std::int64_t x_numel, affine_numel, w_numel, point_numel, N;
  bool moves_r() const { return x != nullptr || affine != nullptr; }
  const T* x_of(std::int64_t d, std::int64_t n) const { return x ? x + (d * N + n) * x_numel : nullptr; }
  const T* affine_of(std::int64_t d) const { return affine ? affine + d * affine_numel : nullptr; }
  const T* w_of(std::int64_t d) const { return w + d * w_numel; }
  const T* point_of(std::int64_t d) const { return point + d * point_numel; }
};

template <class T>
ConvUnit::Tangents<T> ConvUnit::tangents_of(const Saved& saved, Inputs x_dot) const {
  const auto data = [&](std::size_t input) {
    return input != kNone && x_dot[input] ? x_dot[input].data<T>() : nullptr;
  };
  const auto numel = [&](std::size_t input) { return input == kNone ? 0 : saved[input].numel(); };
  return {data(0),
          data(affine_at_),
          data(w_at_),
          data(pointwise_at_),
          saved[0].numel() / std::max<std::int64_t>(1, saved[0].size(0)),
          numel(affine_at_),
          numel(w_at_),
          numel(pointwise_at_),
          saved[0].size(0)};
}

/// What curvature contracts the tangents with; nothing in a jvp.
template <class T>
struct ConvUnit::Bends {
  MomentsCotangent<T> moments = {};
  const T* z_bar = nullptr;
  const T* x_bar = nullptr;  // null: r_bar serves the load
  bool load = false, conv = false, point = false;
  const double* factors = nullptr;  // [D, C], of <x_bar, x_dot> or of <r_bar, x_dot>

  bool wants_q_bar() const { return (load && x_bar == nullptr) || conv || point; }
};

template <class T>
ConvUnit::Bends<T> ConvUnit::bends_of(const Saved& saved, std::int64_t D, const UnitSample<T>& unit,
                                      const Tangents<T>& t, Inputs y_bar, Inputs x_bar, ScratchScope& scratch) const {
  constexpr T kSmallest = T(1e-12);  // below, x_bar = s mask r_bar may have lost digits to underflow
  const std::int64_t C = unit.conv.C;
  Bends<T> bends{.moments = moments_cotangent(saved, unit, y_bar),
                 .z_bar = y_bar[0] ? y_bar[0].data<T>() : nullptr,
                 .load = t.x != nullptr && t.affine != nullptr,
                 .conv = t.w != nullptr && t.moves_r(),
                 .point = t.point != nullptr && (t.w != nullptr || t.moves_r())};
  if (!bends.load)
    return bends;
  if (x_bar[0] && std::all_of(unit.affine, unit.affine + C, [](T s) { return std::abs(s) >= kSmallest; }))
    bends.x_bar = x_bar[0].data<T>();
  auto* factors = scratch.take<double>(D * C);
  for (std::int64_t i = 0; i < D * C; ++i)
    factors[i] =
        static_cast<double>(t.affine_of(i / C)[i % C]) / (bends.x_bar ? static_cast<double>(unit.scale(i % C)) : 1.0);
  bends.factors = factors;
  return bends;
}

namespace {

/// y_dot[1] [D, 2, K] from the sums of planes [D, N, K].
template <class T>
void put_moments(std::int64_t D, std::int64_t N, std::int64_t K, double M, const TangentMoments* sums, T* m_dot) {
  for (std::int64_t d = 0; d < D; ++d, m_dot += 2 * K) {
    for (std::int64_t k = 0; k < K; ++k) {
      double sum = 0.0, cross = 0.0;
      for (std::int64_t n = 0; n < N; ++n) {
        sum += sums[(d * N + n) * K + k].sum;
        cross += sums[(d * N + n) * K + k].cross;
      }
      m_dot[k] = static_cast<T>(sum / M);
      m_dot[K + k] = static_cast<T>(2.0 * cross / M);
    }
  }
}

/// The second derivative of the variances along direction d, times their cotangents.
template <class T>
double bend_of_moments(std::int64_t d, std::int64_t N, std::int64_t K, double M, const TangentMoments* sums,
                       const T* variance_bar) {
  double total = 0.0;
  for (std::int64_t k = 0; k < K; ++k) {
    double sum = 0.0, squares = 0.0;
    for (std::int64_t n = 0; n < N; ++n) {
      sum += sums[(d * N + n) * K + k].sum;
      squares += sums[(d * N + n) * K + k].squares;
    }
    total += static_cast<double>(variance_bar[k]) * 2.0 / M * (squares - sum * sum / M);
  }
  return total;
}

}  // namespace

/// The tiles of one task of push_samples(), and its steps on them.
template <class Stage, class T>
class ConvUnit::TangentTask {
 public:
  TangentTask(const UnitSample<T>& unit, const typename Stage::Shared& layouts, const Tangents<T>& t,
              const Bends<T>& bends, ScratchScope& scratch)
      : unit_(unit), kernel_(unit.conv_kernel()), t_(t), bends_(bends), stage_(unit, layouts, scratch) {
    const auto tile = [&](bool is_needed, std::int64_t numel) { return is_needed ? scratch.take<T>(numel) : nullptr; };
    q_tiles_ = tile(unit.w_pointwise != nullptr, cpu::kDirectionsAtOnce * unit.q_numel());
    r_tile_ = tile(t.w || t.point, t.x_numel);
    q_ = tile(t.point, unit.q_numel());
    r_bar_tile_ = tile(bends.wants_q_bar(), t.x_numel);
    q_bar_tile_ = tile(bends.wants_q_bar(), unit.q_numel());
    z_bar_tile_ = tile(bends.wants_q_bar(), unit.z_numel());
    bent_ = tile(bends.conv || bends.point, std::max(unit.q_numel(), unit.z_numel()));
  }

  /// What all directions of sample n read: r and q of the point, and the cotangents.
  void enter(std::int64_t n) {
    n_ = n;
    r_ = t_.w || t_.point ? unit_.load(n, r_tile_) : nullptr;
    if (t_.point)
      kernel_.forward(unit_.conv, r_, unit_.w, T(0), q_);
    bar_ = bends_.x_bar ? bends_.x_bar + n * t_.x_numel : nullptr;
    z_bar_ = q_bar_ = nullptr;
    if (!bends_.wants_q_bar())
      return;
    z_bar_ = bends_.moments.add(n, 0, bends_.z_bar ? bends_.z_bar + n * unit_.z_numel() : nullptr, z_bar_tile_);
    if (z_bar_ == nullptr)
      return;
    q_bar_ = unit_.transpose_point(z_bar_, q_bar_tile_);
    if (bends_.load && bar_ == nullptr) {
      kernel_.input_gradient(unit_.conv, q_bar_, unit_.w, T(0), r_bar_tile_);
      bar_ = r_bar_tile_;
    }
  }

  /// Pushes directions [first, first + count) through the load and the first convolution.
  void load(std::int64_t first, std::int64_t count, T* z_dot) {
    for (std::int64_t i = 0, d = first; i < count; ++i, ++d)
      tangents_[i] = {.x = t_.x_of(d, n_),
                      .affine = t_.affine_of(d),
                      .factor = bar_ ? bends_.factors + d * unit_.conv.C : nullptr,
                      .q_dot = q_tiles_ ? q_tiles_ + i * unit_.q_numel() : z_dot + (d * t_.N + n_) * unit_.z_numel()};
    if (t_.moves_r())
      stage_.push(n_, bar_, std::span(tangents_, static_cast<std::size_t>(count)));
  }

  /// z_dot of direction d, the i-th of those loaded. @return half of the second derivative
  double finish(std::int64_t i, std::int64_t d, T* z_dot) {
    T* const q_dot = tangents_[i].q_dot;
    double half = tangents_[i].sum;
    if (!t_.moves_r() && !t_.w)
      std::fill_n(q_dot, unit_.q_numel(), T(0));
    if constexpr (Stage::kKeepsTangent) {
      if (bends_.conv && q_bar_) {
        kernel_.forward(unit_.conv, stage_.r_dot(i), t_.w_of(d), T(0), bent_);
        half += lane_dot(unit_.q_numel(), q_bar_, bent_);
      }
      if (t_.w)
        kernel_.forward(unit_.conv, r_, t_.w_of(d), T(t_.moves_r()), q_dot);
    }
    if (unit_.w_pointwise)
      unit_.apply_point(unit_.w_pointwise, q_dot, T(0), z_dot);
    if (bends_.point && z_bar_) {
      unit_.apply_point(t_.point_of(d), q_dot, T(0), bent_);
      half += lane_dot(unit_.z_numel(), z_bar_, bent_);
    }
    if (t_.point)
      unit_.apply_point(t_.point_of(d), q_, T(1), z_dot);
    return half;
  }

 private:
  const UnitSample<T>& unit_;
  const cpu::Conv2dKernel<T>& kernel_;
  const Tangents<T>& t_;
  const Bends<T>& bends_;
  Stage stage_;
  T *q_tiles_, *r_tile_, *q_, *r_bar_tile_, *q_bar_tile_, *z_bar_tile_, *bent_;  // null where not needed
  // Of the sample that was entered.
  std::int64_t n_ = 0;
  const T *r_ = nullptr, *z_bar_ = nullptr, *q_bar_ = nullptr;
  const T* bar_ = nullptr;  // x_bar or r_bar: what the load's second derivative meets
  UnitTangent<T> tangents_[cpu::kDirectionsAtOnce];
};

/// z_dot, the sums of its planes if wanted, and half of the second derivative of each sample: parts [D, N].
template <class Stage, class T>
void ConvUnit::push_samples(const UnitSample<T>& unit, const typename Stage::Shared& layouts, const Saved& saved,
                            std::int64_t D, const Tangents<T>& t, const Bends<T>& bends, T* z_dot, TangentMoments* sums,
                            double* parts) const {
  const std::int64_t N = t.N, K = unit.z_channels(), z_numel = unit.z_numel();
  parallel_for(N, sample_grain(N), [&](std::int64_t begin, std::int64_t end) {
    ScratchScope scratch;
    TangentTask<Stage, T> task(unit, layouts, t, bends, scratch);
    for (std::int64_t n = begin; n < end; ++n) {
      task.enter(n);
      for (std::int64_t first = 0; first < D; first += cpu::kDirectionsAtOnce) {
        const std::int64_t count = std::min(cpu::kDirectionsAtOnce, D - first);
        task.load(first, count, z_dot);
        for (std::int64_t i = 0; i < count; ++i) {
          const std::int64_t d = first + i, at = d * N + n;
          parts[at] = task.finish(i, d, z_dot + at * z_numel);
          if (sums)
            cpu::tangent_moments(K, unit.z_plane(), z_dot + at * z_numel, saved[inputs_].data<T>() + n * z_numel,
                                 saved[inputs_ + 1].data<T>(), sums + at * K);
        }
      }
    }
  });
}

/// jvp, and curvature where acc has room for it.
template <class T>
void ConvUnit::push(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_bar, Inputs x_dot, Outputs y_dot,
                    std::span<double> acc) const {
  const UnitSample<T> unit = sample_of<T>(saved);
  const Tangents<T> t = tangents_of<T>(saved, x_dot);
  const std::int64_t N = t.N, K = unit.z_channels();
  ScratchScope shared;
  Bends<T> bends;
  if (!acc.empty())
    bends = bends_of(saved, D, unit, t, y_bar, x_bar, shared);
  auto* sums = attrs_.takes_moments ? shared.take<TangentMoments>(D * N * K) : nullptr;
  double* parts = shared.take<double>(D * N);
  const auto run = [&]<class Stage>() {
    push_samples<Stage>(unit, typename Stage::Shared(unit, shared), saved, D, t, bends, y_dot[0].data<T>(), sums,
                        parts);
  };
  if (unit.conv_kernel().form == cpu::Conv2dForm::kDepthwise && t.w == nullptr)
    run.template operator()<cpu::DepthwiseTangent<T>>();
  else
    run.template operator()<cpu::SampleTangent<T>>();
  const double M = static_cast<double>(N * unit.z_plane());
  if (sums)
    put_moments(D, N, K, M, sums, y_dot[1].data<T>());
  for (std::size_t d = 0; d < acc.size(); ++d) {
    const auto row = static_cast<std::int64_t>(d);
    for (std::int64_t n = 0; n < N; ++n)
      acc[d] += 2.0 * parts[row * N + n];
    if (bends.moments.m_bar)
      acc[d] += bend_of_moments(row, N, K, M, sums, bends.moments.m_bar + K);
  }
}

void ConvUnit::jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const {
  visit_float(saved[0].dtype(), name(), [&]<class T>() { push<T>(saved, D, {}, {}, x_dot, y_dot, {}); });
}

/// The sums of z_dot are made where z_dot is: without it at hand, by another jvp.
void ConvUnit::curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_bar, Inputs x_dot, Inputs y_dot,
                         std::span<double> acc) const {
  std::vector<Tensor> again;
  for (const Tensor& tangent : y_dot)
    again.emplace_back(tangent.spec());
  jvp_curvature(saved, D, y_bar, x_bar, x_dot, again, acc);
}

void ConvUnit::jvp_curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_bar, Inputs x_dot,
                             Outputs y_dot, std::span<double> acc) const {
  visit_float(saved[0].dtype(), name(), [&]<class T>() { push<T>(saved, D, y_bar, x_bar, x_dot, y_dot, acc); });
}

}  // namespace ockham
