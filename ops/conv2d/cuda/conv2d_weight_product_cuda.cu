#include <algorithm>

#include "ops/conv2d/cuda/conv2d_fast_cuda.h"
#include "ops/conv2d/cuda/conv2d_sums_cuda.h"
#include "ops/conv2d/cuda/conv2d_weight_product_cuda.h"

namespace ockham::cuda {

template <class T>
bool plan_weight_product(const ConvSize& s, bool is_depthwise, int M, bool is_by_sample, WeightPlan& plan) {
  using Room = WeightRoom<T>;
  constexpr int kMost = 64, kFewestParts = 16, kMostParts = 64, kTiles = 8;
  plan.is_depthwise = is_depthwise;
  plan.groups = is_depthwise ? 1 : s.groups;
  plan.M = M;
  plan.L = is_depthwise ? s.C : s.group_inputs() * s.taps();
  plan.m_tiles = tiles_over(plan.M, kMost);
  plan.l_tiles = tiles_over(plan.L, kMost);
  plan.m = multiple_of_4(tiles_over(plan.M, plan.m_tiles));
  plan.l = multiple_of_4(tiles_over(plan.L, plan.l_tiles));
  plan.pixels = 256;
  while (std::max(plan.m, plan.l) * (plan.pixels + Room::kPad) > Room::kRows)
    plan.pixels /= 2;
  plan.grid = tile_grid(s.N, s.P, s.Q, plan.pixels, !is_by_sample);
  const int tiles = plan.grid.count(), of_sample = plan.grid.tiles_h * plan.grid.tiles_w;
  const int parts = std::clamp(tiles_over(tiles, kTiles), std::min(tiles, kFewestParts), kMostParts);
  plan.tiles = is_by_sample ? of_sample : std::max(1, tiles_over(tiles, std::max(1, parts)));
  if (!is_depthwise)
    return true;
  plan.halo = halo_tile<T>(s, plan.grid);
  const std::int64_t planes = static_cast<std::int64_t>(plan.grid.n) * plan.halo.plane;
  if (s.taps() > Room::kMostTaps || planes > Room::kHalo)
    return false;
  plan.chunk = std::min(Room::kChunk, Room::kHalo / static_cast<int>(planes));
  return true;
}

namespace {

/// w_bar (+)= a product.
template <class Source, class Cotangent>
void run(const ConvSize& s, const WeightPlan& plan, const Source& x, const typename Source::Value* depthwise,
         const Cotangent& z_bar, bool adds, typename Cotangent::Value* w_bar) {
  using T = typename Cotangent::Value;
  ConvWeightProduct<Source, Cotangent> product{s, plan, x, depthwise, z_bar, nullptr};
  const std::int64_t numel = s.D * product.numel();
  Tensor parts = device_room({plan.parts(), numel}, kDTypeOf<T>);
  product.parts = parts.device_data<T>();
  launch(product);
  sum_of_parts(plan.parts(), numel, product.parts, adds, w_bar);
}

}  // namespace

template <class Source, class Cotangent>
bool product_weight_gradient(const ConvSize& s, const Source& x, const Cotangent& y_bar, bool adds,
                             typename Cotangent::Value* w_bar) {
  WeightPlan plan{};
  if (!suits_product(s) || !plan_weight_product<typename Cotangent::Value>(s, false, s.group_outputs(), false, plan))
    return false;
  run(s, plan, x, nullptr, y_bar, adds, w_bar);
  return true;
}

template <class Source, class Cotangent>
bool product_point_gradient(const ConvSize& s, const Source& x, const typename Source::Value* w, const Cotangent& z_bar,
                            int K, bool adds, typename Cotangent::Value* point_bar) {
  WeightPlan plan{};
  if (s.group_inputs() != 1 || s.group_outputs() != 1 ||
      !plan_weight_product<typename Cotangent::Value>(s, true, K, false, plan))
    return false;
  run(s, plan, x, w, z_bar, adds, point_bar);
  return true;
}

template <class Source, class Cotangent>
bool product_weight_squares(const ConvSize& s, const Source& x, const Cotangent& y_bar, Tensor& entries) {
  using T = typename Cotangent::Value;
  WeightPlan plan{};
  if (!suits_product(s) || !plan_weight_product<T>(s, false, s.group_outputs(), true, plan))
    return false;
  const std::int64_t numel = s.w_numel();
  over_directions(s, y_bar, directions_at_once(s, numel * static_cast<std::int64_t>(sizeof(T))),
                  [&](const ConvSize& some, const Cotangent& bar) {
                    Tensor parts = device_room({s.N, some.D * numel}, kDTypeOf<T>);
                    T* const of_samples = parts.device_data<T>();
                    launch(ConvWeightProduct<Source, Cotangent>{some, plan, x, nullptr, bar, of_samples});
                    launch(SumOfSquares<T>{s.N, 1, some.D, numel, of_samples, entries.device_data<double>()});
                  });
  return true;
}

#define OCKHAM_INSTANTIATE(T, S, Cotangent)                                                                            \
  template bool product_weight_gradient(const ConvSize&, const LoadedMap<T, S>&, const Cotangent&, bool, T*);          \
  template bool product_point_gradient(const ConvSize&, const LoadedMap<T, S>&, const T*, const Cotangent&, int, bool, \
                                       T*);                                                                            \
  template bool product_weight_squares(const ConvSize&, const LoadedMap<T, S>&, const Cotangent&, Tensor&);
OCKHAM_FOR_PULL_TYPES(OCKHAM_INSTANTIATE)
#undef OCKHAM_INSTANTIATE

}  // namespace ockham::cuda
