// Which kernel runs a convolution.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "engine/cuda/queue.h"
#include "engine/error.h"
#include "ops/conv2d/conv2d_cuda.h"
#include "ops/conv2d/conv2d_reference_cuda.h"
#include "ops/diagonal.h"

namespace ockham::cuda {
namespace {

constexpr std::int64_t kMostParts = 64;  // of a sum over samples

/// Where all of an op's tensors are.
Device here() {
  return {.kind = Device::Kind::kCuda, .index = Queue::instance().index()};
}

Tensor room_for(const Shape& shape, DType dtype) {
  return Tensor(shape, dtype, here());
}

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

template <class Source, class To>
void convolve(const ConvSize& s, const Source& x, const typename Source::Value* w, bool w_moves, bool adds, To* y,
              typename Source::Value* moments) {
  launch(ReferenceForward<Source, To>{s, x, w, w_moves, adds, y});
  if (moments == nullptr)
    return;
  const std::int64_t planes = static_cast<std::int64_t>(s.N) * s.K;
  Tensor parts = room_for({planes, 2}, DType::kFloat64);
  auto* const plane_moments = reinterpret_cast<MomentsPart*>(parts.device_data<double>());
  launch(ReferenceMoments<To>{planes, s.y_plane(), y, plane_moments});
  launch(MergeMoments<typename Source::Value>{s.N, s.K, s.y_plane(), s.N * s.y_plane(), plane_moments, moments});
}

template <class Cotangent>
void transpose_convolution(const ConvSize& s, const Cotangent& y_bar, const typename Cotangent::Value* w, bool adds,
                           typename Cotangent::Value* x_bar) {
  launch(ReferenceInputGradient<Cotangent>{s, y_bar, w, adds, x_bar});
}

template <class Source, class Cotangent>
void weight_gradient(const ConvSize& s, const Source& x, const Cotangent& y_bar, bool adds,
                     typename Cotangent::Value* w_bar) {
  ReferenceWeightGradient<Source, Cotangent> kernel{s, x, y_bar, std::max<std::int64_t>(1, blocks_for(s.N, kMostParts)),
                                                    nullptr};
  const std::int64_t numel = s.D * s.w_numel();
  Tensor parts = room_for({kernel.count(), numel}, DType::kFloat64);
  kernel.parts = parts.device_data<double>();
  launch(kernel);
  sum_of_parts(kernel.count(), numel, kernel.parts, adds, w_bar);
}

template <class Source, class Cotangent>
void add_weight_squares(const ConvSize& s, const Source& x, const Cotangent& y_bar, const Shape& w, Grouping grouping,
                        Tensor& H) {
  ReferenceWeightSquares<Source, Cotangent> kernel{
      s, x, y_bar, std::max<std::int64_t>(1, blocks_for(s.samples(), kMostParts)), nullptr};
  Tensor parts = room_for({kernel.count(), s.w_numel()}, DType::kFloat64);
  Tensor entries = room_for(w, DType::kFloat64);
  kernel.parts = parts.device_data<double>();
  launch(kernel);
  sum_of_parts(kernel.count(), s.w_numel(), kernel.parts, false, entries.device_data<double>());
  add_grouped(entries, grouping, H);
}

#define OCKHAM_INSTANTIATE_FORWARD(Source, To)                                                           \
  template void convolve(const ConvSize&, const Source&, const typename Source::Value*, bool, bool, To*, \
                         typename Source::Value*);
using NarrowMap = LoadedMap<float, BFloat16>;
OCKHAM_INSTANTIATE_FORWARD(LoadedMap<float>, float)
OCKHAM_INSTANTIATE_FORWARD(LoadedMap<float>, BFloat16)
OCKHAM_INSTANTIATE_FORWARD(LoadedMap<double>, double)
OCKHAM_INSTANTIATE_FORWARD(LoadedTangent<float>, float)
OCKHAM_INSTANTIATE_FORWARD(LoadedTangent<double>, double)
OCKHAM_INSTANTIATE_FORWARD(NarrowMap, float)
OCKHAM_INSTANTIATE_FORWARD(NarrowMap, BFloat16)
#undef OCKHAM_INSTANTIATE_FORWARD

#define OCKHAM_INSTANTIATE_ADJOINTS(Source, Cotangent)                                                      \
  template void weight_gradient(const ConvSize&, const Source&, const Cotangent&, bool, Cotangent::Value*); \
  template void add_weight_squares(const ConvSize&, const Source&, const Cotangent&, const Shape&, Grouping, Tensor&);
#define OCKHAM_INSTANTIATE_TRANSPOSE(Cotangent)                                                         \
  template void transpose_convolution(const ConvSize&, const Cotangent&, const Cotangent::Value*, bool, \
                                      Cotangent::Value*);
using NarrowCotangent = CotangentMap<float, BFloat16>;
OCKHAM_INSTANTIATE_TRANSPOSE(CotangentMap<float>)
OCKHAM_INSTANTIATE_TRANSPOSE(CotangentMap<double>)
OCKHAM_INSTANTIATE_TRANSPOSE(NarrowCotangent)
OCKHAM_INSTANTIATE_ADJOINTS(LoadedMap<float>, CotangentMap<float>)
OCKHAM_INSTANTIATE_ADJOINTS(LoadedMap<double>, CotangentMap<double>)
OCKHAM_INSTANTIATE_ADJOINTS(LoadedMap<float>, NarrowCotangent)
OCKHAM_INSTANTIATE_ADJOINTS(NarrowMap, CotangentMap<float>)
OCKHAM_INSTANTIATE_ADJOINTS(NarrowMap, NarrowCotangent)
#undef OCKHAM_INSTANTIATE_ADJOINTS
#undef OCKHAM_INSTANTIATE_TRANSPOSE

}  // namespace ockham::cuda
