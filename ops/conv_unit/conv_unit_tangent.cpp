#include <algorithm>

#include "engine/lanes.h"
#include "engine/parallel.h"
#include "ops/conv_unit/conv_unit_op.h"

namespace ockham {

using cpu::UnitSample;

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

namespace {

/// q_dot = W r_dot + W_dot r; r_dot is filled too where it moves.
template <class T, class Tangents>
void convolve_dot(const UnitSample<T>& unit, const Tangents& t, std::int64_t n, std::int64_t d, const T* r, T* r_dot,
                  T* q_dot) {
  if (t.moves_r()) {
    unit.load_dot(n, t.x_of(d, n), t.affine_of(d), r_dot);
    unit.conv_kernel().forward(unit.conv, r_dot, unit.w, T(0), q_dot);
  }
  if (t.w)
    unit.conv_kernel().forward(unit.conv, r, t.w_of(d), T(t.moves_r()), q_dot);
  if (!t.moves_r() && !t.w)
    std::fill_n(q_dot, unit.q_numel(), T(0));
}

}  // namespace

template <class T>
void ConvUnit::jvp_of(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const {
  const UnitSample<T> unit = sample_of<T>(saved);
  const Tangents<T> t = tangents_of<T>(saved, x_dot);
  const std::int64_t N = t.N, K = unit.z_channels(), plane = unit.z_plane();
  ScratchScope shared;
  auto* sums = attrs_.takes_moments ? shared.take<cpu::TangentMoments>(D * N * K) : nullptr;
  parallel_for(N, sample_grain(N), [&](std::int64_t begin, std::int64_t end) {
    ScratchScope scratch;
    T* r_tile = scratch.take<T>(t.x_numel);
    T* r_dot = scratch.take<T>(t.x_numel);
    T* q = scratch.take<T>(unit.q_numel());
    T* q_tile = scratch.take<T>(unit.q_numel());
    for (std::int64_t n = begin; n < end; ++n) {
      const T* r = t.w || t.point ? unit.load(n, r_tile) : nullptr;
      if (t.point)
        unit.conv_kernel().forward(unit.conv, r, unit.w, T(0), q);
      for (std::int64_t d = 0; d < D; ++d) {
        T* const z_dot = y_dot[0].data<T>() + (d * N + n) * unit.z_numel();
        T* const q_dot = unit.w_pointwise ? q_tile : z_dot;
        convolve_dot(unit, t, n, d, r, r_dot, q_dot);
        if (unit.w_pointwise)
          unit.apply_point(unit.w_pointwise, q_dot, T(0), z_dot);
        if (t.point)
          unit.apply_point(t.point_of(d), q, T(1), z_dot);
        for (std::int64_t k = 0; sums != nullptr && k < K; ++k)
          sums[(d * N + n) * K + k] =
              cpu::tangent_moments(plane, z_dot + k * plane, saved[inputs_].data<T>() + (n * K + k) * plane,
                                   saved[inputs_ + 1].data<T>()[k]);
      }
    }
  });
  if (sums == nullptr)
    return;
  const double M = static_cast<double>(N * plane);
  for (std::int64_t d = 0; d < D; ++d) {
    for (std::int64_t k = 0; k < K; ++k) {
      double mean_dot = 0.0, variance_dot = 0.0;
      for (std::int64_t n = 0; n < N; ++n) {
        mean_dot += sums[(d * N + n) * K + k].sum / M;
        variance_dot += 2.0 * sums[(d * N + n) * K + k].cross / M;
      }
      y_dot[1].data<T>()[2 * d * K + k] = static_cast<T>(mean_dot);
      y_dot[1].data<T>()[(2 * d + 1) * K + k] = static_cast<T>(variance_dot);
    }
  }
}

void ConvUnit::jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const {
  visit_float(saved[0].dtype(), name(), [&]<class T>() { jvp_of<T>(saved, D, x_dot, y_dot); });
}

template <class T>
void ConvUnit::curvature_of(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_dot, Inputs y_dot,
                            std::span<double> acc) const {
  const UnitSample<T> unit = sample_of<T>(saved);
  const Tangents<T> t = tangents_of<T>(saved, x_dot);
  const MomentsCotangent<T> moments = moments_cotangent(saved, unit, y_bar);
  const std::int64_t N = t.N, K = unit.z_channels(), plane = unit.z_plane();
  const bool bends_load = t.x && t.affine;
  const bool bends_conv = t.w && t.moves_r();
  const bool bends_point = t.point && (t.w || t.moves_r());
  ScratchScope shared;
  double* parts = shared.take_zeros<double>(N * D);
  auto* sums = moments.m_bar ? shared.take<cpu::TangentMoments>(D * N * K) : nullptr;
  parallel_for(N, sample_grain(N), [&](std::int64_t begin, std::int64_t end) {
    ScratchScope scratch;
    T* r_tile = scratch.take<T>(t.x_numel);
    T* r_dot = scratch.take<T>(t.x_numel);
    T* r_bar = scratch.take<T>(t.x_numel);
    T* q_tile = scratch.take<T>(unit.q_numel());
    T* q_dot = scratch.take<T>(unit.q_numel());
    T* z_tile = scratch.take<T>(unit.z_numel());
    T* z_dot = scratch.take<T>(unit.z_numel());
    for (std::int64_t n = begin; n < end; ++n) {
      for (std::int64_t i = 0; sums != nullptr && i < D * K; ++i) {
        const std::int64_t d = i / K, k = i % K;
        sums[(d * N + n) * K + k] =
            cpu::tangent_moments(plane, y_dot[0].data<T>() + (d * N + n) * unit.z_numel() + k * plane,
                                 moments.z.of(n) + k * plane, moments.m[k]);
      }
      if (!bends_load && !bends_conv && !bends_point)
        continue;
      const T* z_bar = moments.add(n, 0, y_bar[0] ? y_bar[0].data<T>() + n * unit.z_numel() : nullptr, z_tile);
      if (z_bar == nullptr)
        continue;
      const T* q_bar = unit.transpose_point(z_bar, q_tile);
      if (bends_load)
        unit.conv_kernel().input_gradient(unit.conv, q_bar, unit.w, T(0), r_bar);
      const T* r = t.w ? unit.load(n, r_tile) : nullptr;
      for (std::int64_t d = 0; d < D; ++d) {
        double& part = parts[n * D + d];
        for (std::int64_t c = 0; bends_load && c < unit.conv.C; ++c) {
          if (const T s_dot = t.affine_of(d)[c]; s_dot != T(0))
            part += 2.0 * static_cast<double>(s_dot) *
                    cpu::load_curvature(unit.plane(), unit.scale(c), unit.shift(c), unit.rectifies,
                                        unit.x_of(n) + c * unit.plane(), r_bar + c * unit.plane(),
                                        t.x_of(d, n) + c * unit.plane());
        }
        if (bends_point) {
          convolve_dot(unit, t, n, d, r, r_dot, q_dot);
          unit.apply_point(t.point_of(d), q_dot, T(0), z_dot);
          part += 2.0 * lane_dot(unit.z_numel(), z_bar, z_dot);
        }
        if (bends_conv) {
          unit.load_dot(n, t.x_of(d, n), t.affine_of(d), r_dot);
          unit.conv_kernel().forward(unit.conv, r_dot, t.w_of(d), T(0), q_dot);
          part += 2.0 * lane_dot(unit.q_numel(), q_bar, q_dot);
        }
      }
    }
  });
  const double M = static_cast<double>(N * plane);
  for (std::int64_t d = 0; d < D; ++d) {
    double& total = acc[static_cast<std::size_t>(d)];
    for (std::int64_t n = 0; n < N; ++n)
      total += parts[n * D + d];
    for (std::int64_t k = 0; sums != nullptr && k < K; ++k) {
      double sum = 0.0, squares = 0.0;
      for (std::int64_t n = 0; n < N; ++n) {
        sum += sums[(d * N + n) * K + k].sum;
        squares += sums[(d * N + n) * K + k].squares;
      }
      total += static_cast<double>(moments.m_bar[K + k]) * 2.0 / M * (squares - sum * sum / M);
    }
  }
}

// With r' and q' = W r' + W' r the tangents, the second derivative of z is W_p W r'' + 2 W_p W' r' + 2 W_p' q', where
// r'' = 2 mask s_dot x_dot. The moments add that of the variance, 2/M (sum z'^2 - (sum z')^2 / M).
void ConvUnit::curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs y_dot,
                         std::span<double> acc) const {
  visit_float(saved[0].dtype(), name(), [&]<class T>() { curvature_of<T>(saved, D, y_bar, x_dot, y_dot, acc); });
}

}  // namespace ockham
