#pragma once
// The convolutions of conv2d, conv_unit and linear on the GPU: the functions that run them, whatever kernel suits their
// sizes. Implemented in conv2d_kernels_cuda.cu. For .cu files.
#include <cstdint>

#include "autograd/op.h"
#include "ops/conv2d/cuda/conv2d_maps_cuda.h"

namespace ockham::cuda {

/// True where OCKHAM_CUDA_REFERENCE=1 asks for the plain kernels alone (conv2d_reference_cuda.h).
bool wants_reference();

Device device_in_use();

/// Uninitialised memory of the device in use.
Tensor device_room(const Shape& shape, DType dtype);

/// y [D*N, K, P, Q] = (adds ? y : 0) + conv(x, w), w of each direction its own where it moves; and the moments [2, K]
/// of y, if wanted (D = 1).
template <class Source, class To>
void convolve(const ConvSize& s, const Source& x, const typename Source::Value* w, bool w_moves, bool adds, To* y,
              typename Source::Value* moments = nullptr);

/// y [D*N, K, P, Q] = the 1x1 convolution by w_point [K, s.K] of conv(x, w), and its moments, if wanted (D = 1).
template <class Source, class To>
void convolve_pair(const ConvSize& s, const Source& x, const typename Source::Value* w, int K,
                   const typename Source::Value* w_point, To* y, typename Source::Value* moments = nullptr);

/// x_bar [D*N, C, H, W] = the adjoint of x -> conv(x, w) at y_bar
template <class Cotangent>
void transpose_convolution(const ConvSize& s, const Cotangent& y_bar, const typename Cotangent::Value* w,
                           typename Cotangent::Value* x_bar);

/// w_bar [D, w] = (adds ? w_bar : 0) + the adjoint of w -> conv(x, w) at y_bar, summed over samples
template <class Source, class Cotangent>
void weight_gradient(const ConvSize& s, const Source& x, const Cotangent& y_bar, bool adds,
                     typename Cotangent::Value* w_bar);

/// The same for w_point of convolve_pair(): point_bar [D, K, s.K].
template <class Source, class Cotangent>
void point_gradient(const ConvSize& s, const Source& x, const typename Source::Value* w, const Cotangent& z_bar, int K,
                    bool adds, typename Cotangent::Value* point_bar);

/// Where pull_convolution() puts its results; null: not wanted. Each is overwritten, or added to where that is said.
template <class T>
struct PullTargets {
  T* x = nullptr;  ///< [D*N, C, H, W]
  bool adds_x = false;
  T* affine = nullptr;  ///< [D, 2, C]
  bool adds_affine = false;
  T* w = nullptr;  ///< [D, w]
  bool adds_w = false;
};

/// The adjoint of (x, affine, w) -> conv(load(x), w) at y_bar.
template <class T, class S, class Cotangent>
void pull_convolution(const ConvSize& s, const LoadedMap<T, S>& x, const Cotangent& y_bar, const T* w,
                      const PullTargets<T>& to);

/// H += the squared gradients of w, of shape `w`, of each direction and sample, summed by `grouping`.
template <class Source, class Cotangent>
void add_weight_squares(const ConvSize& s, const Source& x, const Cotangent& y_bar, const Shape& w, Grouping grouping,
                        Tensor& H);

/// A map as it is stored, D directions of it where it moves.
template <class T>
LoadedMap<T> stored_map(const ConvSize& s, const T* x, bool moves) {
  return {x, nullptr, false, moves, s.N, s.C, s.x_plane()};
}
/// A cotangent [D*N, K, P, Q] as it is stored.
template <class T>
CotangentMap<T> stored_cotangent(const ConvSize& s, const T* y_bar) {
  return {y_bar, nullptr, nullptr, nullptr, nullptr, s.N, s.K, s.y_plane()};
}

}  // namespace ockham::cuda
