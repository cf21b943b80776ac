// Which kernel runs a convolution.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "engine/cuda/queue.h"
#include "engine/error.h"
#include "ops/conv2d/cuda/conv2d_fast_cuda.h"
#include "ops/conv2d/cuda/conv2d_reference_cuda.h"
#include "ops/diagonal.h"

namespace ockham::cuda {
namespace {

constexpr std::int64_t kMostParts = 64;  // of a sum over samples

}  // namespace

ConvSize conv_size(const cpu::Conv2dSize& size, std::int64_t D) {
  const auto int_of = [](std::int64_t value) {
    if (value > std::numeric_limits<int>::max())
      throw Error(concat("cuda: a convolution with a size of ", value, " is beyond the ",
                         std::numeric_limits<int>::max(), " that its kernels take; use --device cpu."));
    return static_cast<int>(value);
  };
  return {int_of(D),           int_of(size.N),   int_of(size.C),        int_of(size.H),     int_of(size.W),
          int_of(size.K),      int_of(size.R),   int_of(size.S),        int_of(size.P),     int_of(size.Q),
          int_of(size.stride), int_of(size.pad), int_of(size.dilation), int_of(size.groups)};
}

bool wants_reference() {
  const char* const value = std::getenv("OCKHAM_CUDA_REFERENCE");
  return value != nullptr && std::strcmp(value, "1") == 0;
}

Device device_in_use() {
  return {.kind = Device::Kind::kCuda, .index = Queue::instance().index()};
}

Tensor device_room(const Shape& shape, DType dtype) {
  return Tensor(shape, dtype, device_in_use());
}

template <class Source, class To>
void convolve(const ConvSize& s, const Source& x, const typename Source::Value* w, bool w_moves, bool adds, To* y,
              typename Source::Value* moments) {
  if (!wants_reference()) {
    if (!w_moves && !adds && moments == nullptr && s.taps() > 1 && depthwise_forward(s, x, w, y))
      return;
    if (blas_forward(s, x, w, w_moves, adds, y, moments))
      return;
    if (product_forward(s, x, w, w_moves, adds, y, moments))
      return;
  }
  launch(ReferenceForward<Source, To>{s, x, w, w_moves, adds, y});
  if (moments == nullptr)
    return;
  const std::int64_t planes = static_cast<std::int64_t>(s.N) * s.K;
  Tensor parts = device_room({planes, 3}, DType::kFloat64);
  launch(ReferenceMoments<To>{planes, s.y_plane(), y, reinterpret_cast<MomentsPart*>(parts.device_data<double>())});
  merge_moments(s.N, s.K, s.N * s.y_plane(), parts, moments);
}

namespace {

/// The 1x1 convolution behind `s`.
ConvSize point_size(const ConvSize& s, int K) {
  ConvSize point = s;
  point.C = s.K;
  point.H = s.P;
  point.W = s.Q;
  point.K = K;
  point.R = point.S = point.stride = point.dilation = point.groups = 1;
  point.pad = 0;
  return point;
}

}  // namespace

template <class Source, class To>
void convolve_pair(const ConvSize& s, const Source& x, const typename Source::Value* w, int K,
                   const typename Source::Value* w_point, To* y, typename Source::Value* moments) {
  using T = typename Source::Value;
  if (!wants_reference() && product_pair(s, x, w, K, w_point, y, moments))
    return;
  Tensor q = device_room({s.samples() * s.y_sample()}, kDTypeOf<T>);
  convolve(s, x, w, false, false, q.device_data<T>());
  const ConvSize point = point_size(s, K);
  convolve(point, stored_map<T>(point, q.device_data<T>(), true), w_point, false, false, y, moments);
}

template <class Cotangent>
void transpose_convolution(const ConvSize& s, const Cotangent& y_bar, const typename Cotangent::Value* w,
                           typename Cotangent::Value* x_bar) {
  if (wants_reference() ||
      (!blas_transpose(s, y_bar, w, false, x_bar) && !product_transpose(s, y_bar, w, false, x_bar)))
    launch(ReferenceInputGradient<Cotangent>{s, y_bar, w, false, x_bar});
}

template <class Source, class Cotangent>
void weight_gradient(const ConvSize& s, const Source& x, const Cotangent& y_bar, bool adds,
                     typename Cotangent::Value* w_bar) {
  if (!wants_reference() &&
      (blas_weight_gradient(s, x, y_bar, adds, w_bar) || product_weight_gradient(s, x, y_bar, adds, w_bar)))
    return;
  ReferenceWeightGradient<Source, Cotangent> kernel{s, x, y_bar, std::max<std::int64_t>(1, blocks_for(s.N, kMostParts)),
                                                    nullptr};
  const std::int64_t numel = s.D * s.w_numel();
  Tensor parts = device_room({kernel.count(), numel}, DType::kFloat64);
  kernel.parts = parts.device_data<double>();
  launch(kernel);
  sum_of_parts(kernel.count(), numel, kernel.parts, adds, w_bar);
}

template <class Source, class Cotangent>
void point_gradient(const ConvSize& s, const Source& x, const typename Source::Value* w, const Cotangent& z_bar, int K,
                    bool adds, typename Cotangent::Value* point_bar) {
  using T = typename Source::Value;
  if (!wants_reference() && product_point_gradient(s, x, w, z_bar, K, adds, point_bar))
    return;
  ConvSize one = s;
  one.D = 1;
  Tensor q = device_room({one.samples() * s.y_sample()}, kDTypeOf<T>);
  convolve(one, x, w, false, false, q.device_data<T>());
  const ConvSize point = point_size(s, K);
  weight_gradient(point, stored_map<T>(point, q.device_data<T>(), false), z_bar, adds, point_bar);
}

template <class T, class S, class Cotangent>
void pull_convolution(const ConvSize& s, const LoadedMap<T, S>& x, const Cotangent& y_bar, const T* w,
                      const PullTargets<T>& to) {
  if (!wants_reference() && depthwise_pull(s, x, y_bar, w, to))
    return;
  if (to.w)
    weight_gradient(s, x, y_bar, to.adds_w, to.w);
  if (to.x == nullptr && to.affine == nullptr)
    return;
  const bool loads = x.affine != nullptr || x.rectifies;
  if (!wants_reference()) {
    if (!loads && blas_transpose(s, y_bar, w, to.adds_x, to.x))
      return;
    if (loads ? product_pull(s, x, y_bar, w, to) : product_transpose(s, y_bar, w, to.adds_x, to.x))
      return;
  }
  if (!loads)
    return launch(ReferenceInputGradient<Cotangent>{s, y_bar, w, to.adds_x, to.x});
  Tensor r_bar = device_room({s.samples() * s.x_sample()}, kDTypeOf<T>);
  launch(ReferenceInputGradient<Cotangent>{s, y_bar, w, false, r_bar.device_data<T>()});
  const std::int64_t numel = 2LL * s.D * s.C;
  Tensor parts = to.affine ? device_room({s.N, numel}, DType::kFloat64) : Tensor();
  double* const sums = parts ? parts.device_data<double>() : nullptr;
  launch(ReferenceLoadTranspose<T, S>{s.D, x, r_bar.device_data<T>(), to.adds_x, to.x, sums});
  if (to.affine)
    sum_of_affine(s.N, s.D, s.C, sums, to.adds_affine, to.affine);
}

template <class Source, class Cotangent>
void add_weight_squares(const ConvSize& s, const Source& x, const Cotangent& y_bar, const Shape& w, Grouping grouping,
                        Tensor& H) {
  Tensor entries = Tensor::zeros(w, DType::kFloat64, H.device());
  if (wants_reference() ||
      (!depthwise_weight_squares(s, x, y_bar, entries) && !product_weight_squares(s, x, y_bar, entries))) {
    ReferenceWeightSquares<Source, Cotangent> kernel{
        s, x, y_bar, std::max<std::int64_t>(1, blocks_for(s.samples(), kMostParts)), nullptr};
    Tensor parts = device_room({kernel.count(), s.w_numel()}, DType::kFloat64);
    kernel.parts = parts.device_data<double>();
    launch(kernel);
    sum_of_parts(kernel.count(), s.w_numel(), kernel.parts, false, entries.device_data<double>());
  }
  add_grouped(entries, grouping, H);
}

#define OCKHAM_INSTANTIATE(Source, To)                                                                              \
  template void convolve(const ConvSize&, const Source&, const Source::Value*, bool, bool, To*, Source::Value*);    \
  template void convolve_pair(const ConvSize&, const Source&, const Source::Value*, int, const Source::Value*, To*, \
                              Source::Value*);
OCKHAM_FOR_FORWARD_TYPES(OCKHAM_INSTANTIATE)
#undef OCKHAM_INSTANTIATE
#define OCKHAM_INSTANTIATE(Cotangent) \
  template void transpose_convolution(const ConvSize&, const Cotangent&, const Cotangent::Value*, Cotangent::Value*);
OCKHAM_FOR_COTANGENTS(OCKHAM_INSTANTIATE)
#undef OCKHAM_INSTANTIATE
#define OCKHAM_INSTANTIATE(T, S, Cotangent)                                                                           \
  template void weight_gradient(const ConvSize&, const LoadedMap<T, S>&, const Cotangent&, bool, T*);                 \
  template void point_gradient(const ConvSize&, const LoadedMap<T, S>&, const T*, const Cotangent&, int, bool, T*);   \
  template void pull_convolution(const ConvSize&, const LoadedMap<T, S>&, const Cotangent&, const T*,                 \
                                 const PullTargets<T>&);                                                              \
  template void add_weight_squares(const ConvSize&, const LoadedMap<T, S>&, const Cotangent&, const Shape&, Grouping, \
                                   Tensor&);
OCKHAM_FOR_PULL_TYPES(OCKHAM_INSTANTIATE)
#undef OCKHAM_INSTANTIATE

}  // namespace ockham::cuda
