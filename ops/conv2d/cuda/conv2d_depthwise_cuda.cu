#include <algorithm>
#include <bit>

#include "ops/conv2d/cuda/conv2d_depthwise_cuda.h"
#include "ops/conv2d/cuda/conv2d_fast_cuda.h"
#include "ops/conv2d/cuda/conv2d_sums_cuda.h"

namespace ockham::cuda {

template <class T>
bool plan_pull(const ConvSize& s, bool is_by_sample, PullPlan& plan) {
  constexpr int kMostSide = 32, kElements = 16;  // of a tile; of x for each thread, over samples
  constexpr int kRoom = 16384 / sizeof(T);
  if (!is_depthwise(s) || s.R != s.S || (s.R != 3 && s.R != 5 && s.R != 7) || s.stride > 2)
    return false;
  if (s.R == 7 && sizeof(T) == 8)
    return false;  // there are not so many registers
  const auto power_of_2 = [](int least) { return static_cast<int>(std::bit_ceil(static_cast<unsigned>(least))); };
  plan.tiles_h = tiles_over(s.H, kMostSide);
  plan.tiles_w = tiles_over(s.W, kMostSide);
  plan.h = tiles_over(s.H, plan.tiles_h);
  plan.w = tiles_over(s.W, plan.tiles_w);
  plan.columns = power_of_2(plan.w);
  plan.lanes = std::clamp(plan.columns * power_of_2(plan.h), 32, 256);
  const int rounds = tiles_over(plan.h, plan.lanes / plan.columns);
  plan.samples = is_by_sample ? 1 : std::clamp(kElements / rounds, 1, std::max(1, s.N));
  const std::int64_t reach = static_cast<std::int64_t>(s.R - 1) * s.dilation;
  const std::int64_t q_rows = (plan.h - 1 + reach) / s.stride + 2, q_columns = (plan.w - 1 + reach) / s.stride + 2;
  if (q_rows > kRoom || q_columns > kRoom || plan.channels() * q_rows * q_columns > kRoom)
    return false;
  plan.q_rows = static_cast<int>(q_rows);
  plan.q_columns = static_cast<int>(q_columns);
  plan.q_lanes = std::clamp(power_of_2(plan.q_columns), 4, 32);
  // Rows of a warp in banks of their own, where there is room for it.
  plan.q_pitch = plan.columns % kBankElements<T> == 0
                     ? plan.q_columns
                     : padded_like(plan.q_columns, plan.columns / s.stride, kBankElements<T>);
  if (plan.channels() * plan.q_rows * plan.q_pitch > kRoom)
    plan.q_pitch = plan.q_columns;
  return true;
}

namespace {

template <class T, class S, class Cotangent>
void launch_pull(const ConvSize& s, const PullPlan& plan, const LoadedMap<T, S>& x, const Cotangent& y_bar, const T* w,
                 T* x_bar, bool adds, T* affine_parts, T* w_parts) {
  if constexpr (sizeof(T) == 4) {
    if (s.R == 7)
      return launch(DepthwisePull<T, S, Cotangent, 7>{s, plan, x, y_bar, w, x_bar, adds, affine_parts, w_parts});
  }
  launch(DepthwisePull<T, S, Cotangent, 5>{s, plan, x, y_bar, w, x_bar, adds, affine_parts, w_parts});
}

}  // namespace

template <class Source, class To>
bool depthwise_forward(const ConvSize& s, const Source& x, const typename Source::Value* w, To* y) {
  DepthwiseForward<Source, To> kernel{s, {}, {}, 0, x, w, y};
  if (!is_depthwise(s) || !kernel.plan())
    return false;
  launch(kernel);
  return true;
}

template <class T, class S, class Cotangent>
bool depthwise_pull(const ConvSize& s, const LoadedMap<T, S>& x, const Cotangent& y_bar, const T* w,
                    const PullTargets<T>& to) {
  PullPlan plan{};
  if (!plan_pull<T>(s, false, plan))
    return false;
  const std::int64_t count = plan.parts(s.N), affine = 2LL * s.D * s.C, weights = s.D * s.w_numel();
  Tensor affine_parts = to.affine ? device_room({count, affine}, kDTypeOf<T>) : Tensor();
  Tensor w_parts = to.w ? device_room({count, weights}, kDTypeOf<T>) : Tensor();
  T* const of_affine = to.affine ? affine_parts.device_data<T>() : nullptr;
  T* const of_w = to.w ? w_parts.device_data<T>() : nullptr;
  launch_pull(s, plan, x, y_bar, w, to.x, to.adds_x, of_affine, of_w);
  if (to.affine)
    sum_of_affine(count, s.D, s.C, of_affine, to.adds_affine, to.affine);
  if (to.w)
    sum_of_parts(count, weights, of_w, to.adds_w, to.w);
  return true;
}

template <class T, class S, class Cotangent>
bool depthwise_weight_squares(const ConvSize& s, const LoadedMap<T, S>& x, const Cotangent& y_bar, Tensor& entries) {
  PullPlan plan{};
  if (!plan_pull<T>(s, true, plan))
    return false;
  const std::int64_t numel = s.w_numel();
  over_directions(
      s, y_bar, directions_at_once(s, plan.tiles() * numel * static_cast<std::int64_t>(sizeof(T))),
      [&](const ConvSize& some, const Cotangent& bar) {
        Tensor parts = device_room({plan.parts(s.N), some.D * numel}, kDTypeOf<T>);
        T* const of_samples = parts.device_data<T>();
        launch_pull<T, S, Cotangent>(some, plan, x, bar, nullptr, nullptr, false, nullptr, of_samples);
        launch(SumOfSquares<T>{s.N, plan.tiles(), some.D, numel, of_samples, entries.device_data<double>()});
      });
  return true;
}

#define OCKHAM_INSTANTIATE(Source, To) \
  template bool depthwise_forward(const ConvSize&, const Source&, const Source::Value*, To*);
OCKHAM_FOR_FORWARD_TYPES(OCKHAM_INSTANTIATE)
#undef OCKHAM_INSTANTIATE
#define OCKHAM_INSTANTIATE(T, S, Cotangent)                                                         \
  template bool depthwise_pull(const ConvSize&, const LoadedMap<T, S>&, const Cotangent&, const T*, \
                               const PullTargets<T>&);                                              \
  template bool depthwise_weight_squares(const ConvSize&, const LoadedMap<T, S>&, const Cotangent&, Tensor&);
OCKHAM_FOR_PULL_TYPES(OCKHAM_INSTANTIATE)
#undef OCKHAM_INSTANTIATE

}  // namespace ockham::cuda
