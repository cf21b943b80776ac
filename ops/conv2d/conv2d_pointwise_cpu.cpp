#include "engine/arena.h"
#include "engine/gemm.h"
#include "engine/parallel.h"
#include "ops/conv2d/conv2d_kernels.h"
#include "ops/conv2d/conv2d_parts.h"
#include "ops/conv2d/conv2d_planes.h"

namespace ockham::cpu {
namespace {

bool fits(const Conv2dSize& s) {
  return s.taps() == 1 && s.pad == 0 && s.groups == 1;
}

std::int64_t sample_grain(const Conv2dSize& s) {
  return grain_of(s.y_sample() * s.C);
}

/// The pixels of a sample that a stride meets, [C, P, Q]: in `tile`, or x itself where it meets all.
template <class T>
const T* sampled(const Conv2dSize& s, const T* x, T* tile) {
  if (s.stride == 1)
    return x;
  T* to = tile;
  for (std::int64_t c = 0; c < s.C; ++c, x += s.H * s.W, to += s.P * s.Q) {
    if (s.stride == 2) {
      copy_second_columns(s.P, s.Q, x, 2 * s.W, to, s.Q);
      continue;
    }
    for (std::int64_t i = 0; i < s.P; ++i) {
      for (std::int64_t j = 0; j < s.Q; ++j)
        to[i * s.Q + j] = x[(i * s.W + j) * s.stride];
    }
  }
  return tile;
}

/// The transpose: x_bar = beta x_bar + tile at the pixels that the stride meets.
template <class T>
void spread(const Conv2dSize& s, const T* tile, T beta, T* x_bar) {
  if (beta == T(0))
    std::fill_n(x_bar, s.x_sample(), T(0));
  for (std::int64_t c = 0; c < s.C; ++c) {
    for (std::int64_t i = 0; i < s.P; ++i, tile += s.Q) {
      T* to = x_bar + (c * s.H + i * s.stride) * s.W;
      for (std::int64_t j = 0; j < s.Q; ++j)
        to[j * s.stride] += tile[j];
    }
  }
}

template <class T>
T* tile_of(const Conv2dSize& s, ScratchScope& scratch) {
  return s.stride == 1 ? nullptr : scratch.take<T>(s.C * s.P * s.Q);
}

template <class T>
void forward(const Conv2dSize& s, const T* x, const T* w, T beta, T* y) {
  const std::int64_t pixels = s.P * s.Q;
  parallel_for(s.N, sample_grain(s), [&](std::int64_t begin, std::int64_t end) {
    ScratchScope scratch;
    T* tile = tile_of<T>(s, scratch);
    for (std::int64_t n = begin; n < end; ++n)
      gemm(false, false, s.K, pixels, s.C, w, s.C, sampled(s, x + n * s.x_sample(), tile), pixels, beta,
           y + n * s.y_sample(), pixels);
  });
}

template <class T>
void input_gradient(const Conv2dSize& s, const T* y_bar, const T* w, T beta, T* x_bar) {
  const std::int64_t pixels = s.P * s.Q;
  parallel_for(s.N, sample_grain(s), [&](std::int64_t begin, std::int64_t end) {
    ScratchScope scratch;
    T* tile = tile_of<T>(s, scratch);
    for (std::int64_t n = begin; n < end; ++n) {
      T* const to = x_bar + n * s.x_sample();
      gemm(true, false, s.C, pixels, s.K, w, s.C, y_bar + n * s.y_sample(), pixels, tile ? T(0) : beta,
           tile ? tile : to, pixels);
      if (tile)
        spread(s, tile, beta, to);
    }
  });
}

template <class T>
void weight_gradient(const Conv2dSize& s, const T* x, const T* y_bar, T beta, T* w_bar) {
  // Each task sums its samples in its own part; parts are added in order.
  constexpr std::int64_t kMostParts = 16;
  const std::int64_t grain = std::max(sample_grain(s), (s.N + kMostParts - 1) / kMostParts);
  const std::int64_t parts = (s.N + grain - 1) / grain;
  const std::int64_t pixels = s.P * s.Q;
  ScratchScope shared;
  T* sums = shared.take<T>(parts * s.w_numel());
  parallel_for(s.N, grain, [&](std::int64_t begin, std::int64_t end) {
    ScratchScope scratch;
    T* tile = tile_of<T>(s, scratch);
    T* sum = sums + begin / grain * s.w_numel();
    for (std::int64_t n = begin; n < end; ++n)
      gemm(false, true, s.K, s.C, pixels, y_bar + n * s.y_sample(), pixels, sampled(s, x + n * s.x_sample(), tile),
           pixels, T(n == begin ? 0 : 1), sum, s.C);
  });
  add_parts(parts, s.w_numel(), sums, beta, w_bar);
}

}  // namespace

template <class T>
Conv2dKernel<T> pointwise_kernel() {
  // Squares need every sample's gradient for itself, which the dense kernel has already.
  return {Conv2dForm::kPointwise, "pointwise",        "1x1, no padding, one group",    fits, forward<T>,
          input_gradient<T>,      weight_gradient<T>, dense_kernel<T>().weight_squares};
}
template Conv2dKernel<float> pointwise_kernel();
template Conv2dKernel<double> pointwise_kernel();

}  // namespace ockham::cpu
