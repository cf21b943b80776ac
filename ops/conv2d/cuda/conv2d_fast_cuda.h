#pragma once
// The fast kernels behind conv2d_cuda.h, each with what it cannot do: false, and nothing is done. Products:
// conv2d_product_cuda.cu, conv2d_weight_product_cuda.cu; depthwise: conv2d_depthwise_cuda.cu; wide 1x1 by cuBLAS:
// conv2d_pointwise_cuda.cu. For .cu files.
#include <algorithm>

#include "ops/conv2d/cuda/conv2d_cuda.h"

namespace ockham::cuda {

/// Products are of the output or input channels of a group: with fewer than these most threads would idle.
inline bool suits_product(const ConvSize& s) {
  return s.groups == 1 || (s.group_inputs() >= 4 && s.group_outputs() >= 4);
}

template <class Source, class To>
bool product_forward(const ConvSize& s, const Source& x, const typename Source::Value* w, bool w_moves, bool adds,
                     To* y, typename Source::Value* moments);
template <class Source, class To>
bool product_pair(const ConvSize& s, const Source& x, const typename Source::Value* w, int K,
                  const typename Source::Value* w_point, To* y, typename Source::Value* moments);
template <class Cotangent>
bool product_transpose(const ConvSize& s, const Cotangent& y_bar, const typename Cotangent::Value* w, bool adds,
                       typename Cotangent::Value* x_bar);
/// x and affine alone.
template <class T, class S, class Cotangent>
bool product_pull(const ConvSize& s, const LoadedMap<T, S>& x, const Cotangent& y_bar, const T* w,
                  const PullTargets<T>& to);

template <class Source, class Cotangent>
bool product_weight_gradient(const ConvSize& s, const Source& x, const Cotangent& y_bar, bool adds,
                             typename Cotangent::Value* w_bar);
template <class Source, class Cotangent>
bool product_point_gradient(const ConvSize& s, const Source& x, const typename Source::Value* w, const Cotangent& z_bar,
                            int K, bool adds, typename Cotangent::Value* point_bar);
/// entries, float64, of w's shape, += the squared gradients.
template <class Source, class Cotangent>
bool product_weight_squares(const ConvSize& s, const Source& x, const Cotangent& y_bar, Tensor& entries);

template <class Source, class To>
bool blas_forward(const ConvSize& s, const Source& x, const typename Source::Value* w, bool w_moves, bool adds, To* y,
                  typename Source::Value* moments);
template <class Cotangent>
bool blas_transpose(const ConvSize& s, const Cotangent& y_bar, const typename Cotangent::Value* w, bool adds,
                    typename Cotangent::Value* x_bar);
template <class Source, class Cotangent>
bool blas_weight_gradient(const ConvSize& s, const Source& x, const Cotangent& y_bar, bool adds,
                          typename Cotangent::Value* w_bar);

template <class Source, class To>
bool depthwise_forward(const ConvSize& s, const Source& x, const typename Source::Value* w, To* y);
template <class T, class S, class Cotangent>
bool depthwise_pull(const ConvSize& s, const LoadedMap<T, S>& x, const Cotangent& y_bar, const T* w,
                    const PullTargets<T>& to);
template <class T, class S, class Cotangent>
bool depthwise_weight_squares(const ConvSize& s, const LoadedMap<T, S>& x, const Cotangent& y_bar, Tensor& entries);

/// How many directions of a gradient of `bytes` for each sample go at a time: their parts take at most 256 MiB.
inline int directions_at_once(const ConvSize& s, std::int64_t bytes) {
  return static_cast<int>(
      std::clamp<std::int64_t>((std::int64_t{1} << 28) / std::max<std::int64_t>(1, s.N * bytes), 1, std::max(1, s.D)));
}

/// Calls body(size, y_bar) for `count` directions at a time.
template <class Cotangent, class Body>
void over_directions(const ConvSize& s, const Cotangent& y_bar, int count, Body&& body) {
  for (int d = 0; d < s.D; d += count) {
    ConvSize some = s;
    some.D = std::min(count, s.D - d);
    Cotangent bar = y_bar;
    bar.z_bar += d * s.N * s.y_sample();
    body(some, bar);
  }
}

// The types that maps and cotangents come in.
#define OCKHAM_FOR_FORWARD_TYPES(macro)                                                               \
  macro(LoadedMap<float>, float) macro(LoadedMap<float>, BFloat16) macro(LoadedMap<double>, double)   \
      macro(LoadedTangent<float>, float) macro(LoadedTangent<double>, double) macro(NarrowMap, float) \
          macro(NarrowMap, BFloat16)
#define OCKHAM_FOR_COTANGENTS(macro) macro(CotangentMap<float>) macro(CotangentMap<double>) macro(NarrowCotangent)
/// Compute type, stored type of x, cotangent.
#define OCKHAM_FOR_PULL_TYPES(macro)                                                   \
  macro(float, float, CotangentMap<float>) macro(double, double, CotangentMap<double>) \
      macro(float, float, NarrowCotangent) macro(float, BFloat16, CotangentMap<float>) \
          macro(float, BFloat16, NarrowCotangent)
using NarrowMap = LoadedMap<float, BFloat16>;
using NarrowCotangent = CotangentMap<float, BFloat16>;

}  // namespace ockham::cuda
