#pragma once
// A conv_unit as the GPU's passes see it: its maps, weights and sizes. Passes are in conv_unit_cuda.cu (forward, vjp,
// weight_diagonal) and conv_unit_tangent_cuda.cu (jvp, curvature). For .cu files.
#include "ops/conv2d/cuda/conv2d_cuda.h"
#include "ops/conv_unit/conv_unit_op.h"

namespace ockham::cuda {

/// T computes, S is what x and z are stored in.
template <class T, class S = T>
struct DeviceUnit {
  DeviceUnit(const ConvUnit& op, const Saved& saved, std::int64_t D)
      : conv(conv_size(cpu::conv2d_size(op.unit().conv, saved[0].shape(), saved[op.w_at()].shape()), D)),
        point(conv),
        takes_moments(op.unit().takes_moments),
        x{saved[0].device_data<S>(), nullptr, op.unit().rectifies, false, conv.N, conv.C, conv.x_plane()},
        w(saved[op.w_at()].device_data<T>()) {
    if (op.affine_at() != ConvUnit::kNone)
      x.affine = saved[op.affine_at()].device_data<T>();
    if (op.pointwise_at() != ConvUnit::kNone) {
      w_point = saved[op.pointwise_at()].device_data<T>();
      const Shape q{conv.N, conv.K, conv.P, conv.Q};
      point = conv_size(cpu::conv2d_size({}, q, saved[op.pointwise_at()].shape()), D);
    }
    if (takes_moments) {
      z = saved[op.input_count()].device_data<S>();
      moments = saved[op.input_count() + 1].device_data<T>();
    }
  }

  bool loads() const { return x.affine != nullptr || x.rectifies; }
  int K() const { return w_point ? point.K : conv.K; }
  Shape q_shape(std::int64_t D) const { return {D * conv.N, conv.K, conv.P, conv.Q}; }
  Shape z_shape(std::int64_t D) const { return {D * conv.N, K(), conv.P, conv.Q}; }
  Shape x_shape(std::int64_t D) const { return {D * conv.N, conv.C, conv.H, conv.W}; }

  /// The whole cotangent of z from those of the outputs, the first times `factor` per channel if there is one.
  CotangentMap<T, S> cotangent(Inputs y_bar, const Tensor& factor = {}) const {
    const T* const m_bar = takes_moments && y_bar[1] ? y_bar[1].template device_data<T>() : nullptr;
    return {y_bar[0] ? y_bar[0].template device_data<T>() : nullptr,
            factor ? factor.template device_data<T>() : nullptr,
            z,
            moments,
            m_bar,
            conv.N,
            K(),
            conv.y_plane()};
  }
  /// q of D directions, [D*N, K1, P, Q], as a map.
  LoadedMap<T> map_of_q(const T* q, bool moves) const { return stored_map(point, q, moves); }

  ConvSize conv, point;  ///< point: only with w_point
  bool takes_moments;
  LoadedMap<T, S> x;
  const T* w;
  const T* w_point = nullptr;
  const S* z = nullptr;
  const T* moments = nullptr;
};

void unit_jvp(const ConvUnit& op, const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot);
void unit_curvature(const ConvUnit& op, const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_dot, Inputs y_dot,
                    std::span<double> acc);

}  // namespace ockham::cuda
