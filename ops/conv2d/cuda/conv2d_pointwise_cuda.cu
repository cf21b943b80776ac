// 1x1 convolutions and linear layers of many channels, by cuBLAS.
#include <algorithm>
#include <type_traits>

#include "engine/cuda/gemm.h"
#include "engine/cuda/queue.h"
#include "ops/conv2d/cuda/conv2d_fast_cuda.h"
#include "ops/conv2d/cuda/conv2d_sums_cuda.h"

namespace ockham::cuda {
namespace {

/// The rule. A product of C by K channels takes C K / (2 C + 2 K) operations for each byte of float32 maps. An H100
/// does 20 while it moves one (67 TFLOP/s, 3.35 TB/s), and a product in tiles of ours a fraction of that: below 64
/// channels memory is what takes the time, and from 128 on arithmetic does, which cuBLAS does better. Below, the tiles
/// (conv2d_product_cuda.h) move no more than it and merge with others of a recorded step. Whoever asks for tf32 asks
/// for tensor cores, eight times as fast, so there cuBLAS gets what tiles take longer to multiply than to move, from 32
/// channels on. From data sheets: no GPU has measured it.
constexpr int kWide = 128, kWideInTf32 = 32;

template <class T>
bool suits_blas(const ConvSize& s) {
  const bool is_tf32 = std::is_same_v<T, float> && Queue::instance().math_mode() == MathMode::kTf32;
  return s.groups == 1 && s.taps() == 1 && s.stride == 1 && s.pad == 0 &&
         std::min(s.C, s.K) >= (is_tf32 ? kWideInTf32 : kWide);
}

/// What cuBLAS reads has to lie in memory as it is: no load, no cotangent of moments on the way.
template <class T, class S>
bool is_stored(const LoadedMap<T, S>& x) {
  return std::is_same_v<T, S> && x.affine == nullptr && !x.rectifies;
}
template <class T>
bool is_stored(const LoadedTangent<T>&) {
  return false;
}
template <class T, class S>
bool is_stored(const CotangentMap<T, S>& z) {
  return z.z_bar != nullptr && z.factor == nullptr && z.moments_bar == nullptr;
}

/// y [N, M, plane] = (adds ? y : 0) + A x, x [N, L, plane]; A is w [M, L], or the transpose of w [L, M]. Of maps with
/// one pixel, samples are the rows of one product; else each is a product of its own.
template <class T>
void multiply(std::int64_t N, std::int64_t M, std::int64_t L, std::int64_t plane, const T* w, bool is_transposed,
              const T* x, bool adds, T* y) {
  const double beta = adds ? 1.0 : 0.0;
  const std::int64_t row = is_transposed ? M : L;
  if (plane == 1)
    gemm<T>(N, M, L, 1.0, {x, L}, {w, row, 0, !is_transposed}, beta, y, M);
  else
    gemm<T>(M, plane, L, 1.0, {w, row, 0, is_transposed}, {x, plane, L * plane}, beta, y, plane, N, M * plane);
}

/// w_bar [D, K, C] for maps with one pixel: samples are what a product sums over.
template <class T>
void gradient_of_rows(const ConvSize& s, const T* x, const T* y_bar, bool adds, T* w_bar) {
  for (std::int64_t d = 0; d < s.D; ++d)
    gemm<T>(s.K, s.C, s.N, 1.0, {y_bar + d * s.N * s.K, s.K, 0, true}, {x, s.C}, adds ? 1.0 : 0.0,
            w_bar + d * s.w_numel(), s.C);
}

/// w_bar [D, K, C]: a product for each sample, sample n adding to part n % count, then the sum of all parts.
template <class T>
void gradient_of_maps(const ConvSize& s, const T* x, const T* y_bar, bool adds, T* w_bar) {
  constexpr std::int64_t kMostParts = 16;  // products at a time, each of 128 x 128 and more, fill a chip
  const std::int64_t N = s.N, plane = s.y_plane(), numel = s.D * s.w_numel(), count = std::min(N, kMostParts);
  Tensor parts = device_room({count, numel}, kDTypeOf<T>);
  T* const of_parts = parts.device_data<T>();
  for (std::int64_t d = 0; d < s.D; ++d) {
    for (std::int64_t n = 0; n < N; n += count)
      gemm<T>(s.K, s.C, plane, 1.0, {y_bar + (d * N + n) * s.y_sample(), plane, s.y_sample()},
              {x + n * s.x_sample(), plane, s.x_sample(), true}, n == 0 ? 0.0 : 1.0, of_parts + d * s.w_numel(), s.C,
              std::min(count, N - n), numel);
  }
  sum_of_parts(count, numel, of_parts, adds, w_bar);
}

}  // namespace

// Directions are multiplied one by one: how cuBLAS sums depends on the sizes of a product, and what a direction gives
// shall not depend on how many there are.

template <class Source, class To>
bool blas_forward(const ConvSize& s, const Source& x, const typename Source::Value* w, bool w_moves, bool adds, To* y,
                  typename Source::Value* moments) {
  using T = typename Source::Value;
  if constexpr (std::is_same_v<Source, LoadedMap<T>> && std::is_same_v<To, T>) {
    if (!is_stored(x) || !suits_blas<T>(s))
      return false;
    for (std::int64_t d = 0; d < s.D; ++d)
      multiply(s.N, s.K, s.C, s.y_plane(), w + (w_moves ? d * s.w_numel() : 0), false,
               x.x + (x.moves ? d * s.N * s.x_sample() : 0), adds, y + d * s.N * s.y_sample());
    if (moments)
      merge_moments(static_cast<const T*>(y), device_in_use(), s.N, s.K, s.y_plane(),
                    StoreMoments<T>{.C = s.K, .exact = nullptr, .y = moments});
    return true;
  }
  return false;
}

template <class Cotangent>
bool blas_transpose(const ConvSize& s, const Cotangent& y_bar, const typename Cotangent::Value* w, bool adds,
                    typename Cotangent::Value* x_bar) {
  using T = typename Cotangent::Value;
  if (!is_stored(y_bar) || !suits_blas<T>(s))
    return false;
  for (std::int64_t d = 0; d < s.D; ++d)
    multiply(s.N, s.C, s.K, s.y_plane(), w, true, y_bar.z_bar + d * s.N * s.y_sample(), adds,
             x_bar + d * s.N * s.x_sample());
  return true;
}

template <class Source, class Cotangent>
bool blas_weight_gradient(const ConvSize& s, const Source& x, const Cotangent& y_bar, bool adds,
                          typename Cotangent::Value* w_bar) {
  using T = typename Cotangent::Value;
  if constexpr (std::is_same_v<Source, LoadedMap<T>>) {
    if (!is_stored(x) || x.moves || !is_stored(y_bar) || !suits_blas<T>(s) || s.N == 0)
      return false;
    s.y_plane() == 1 ? gradient_of_rows(s, x.x, y_bar.z_bar, adds, w_bar)
                     : gradient_of_maps(s, x.x, y_bar.z_bar, adds, w_bar);
    return true;
  }
  return false;
}

#define OCKHAM_INSTANTIATE(Source, To) \
  template bool blas_forward(const ConvSize&, const Source&, const Source::Value*, bool, bool, To*, Source::Value*);
OCKHAM_FOR_FORWARD_TYPES(OCKHAM_INSTANTIATE)
#undef OCKHAM_INSTANTIATE
#define OCKHAM_INSTANTIATE(Cotangent) \
  template bool blas_transpose(const ConvSize&, const Cotangent&, const Cotangent::Value*, bool, Cotangent::Value*);
OCKHAM_FOR_COTANGENTS(OCKHAM_INSTANTIATE)
#undef OCKHAM_INSTANTIATE
#define OCKHAM_INSTANTIATE(T, S, Cotangent) \
  template bool blas_weight_gradient(const ConvSize&, const LoadedMap<T, S>&, const Cotangent&, bool, T*);
OCKHAM_FOR_PULL_TYPES(OCKHAM_INSTANTIATE)
#undef OCKHAM_INSTANTIATE

}  // namespace ockham::cuda
