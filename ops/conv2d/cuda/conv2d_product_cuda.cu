#include <algorithm>
#include <bit>

#include "ops/conv2d/cuda/conv2d_fast_cuda.h"
#include "ops/conv2d/cuda/conv2d_product_cuda.h"

namespace ockham::cuda {

template <class T>
bool plan_product(const ConvSize& s, ProductRows rows, int M, ProductPlan& plan) {
  using Room = ProductRoom<T>;
  constexpr int kMostChannels = 128;
  const bool is_transposed = rows == ProductRows::kTransposed, is_depthwise = rows == ProductRows::kDepthwise;
  plan.rows = rows;
  plan.groups = is_depthwise ? 1 : s.groups;
  plan.M = M;
  plan.L = is_depthwise ? s.C : (is_transposed ? s.group_outputs() : s.group_inputs()) * s.taps();
  plan.m_tiles = tiles_over(M, kMostChannels);
  plan.m = multiple_of_4(tiles_over(M, plan.m_tiles));
  plan.pixels = std::min(256, 4096 / static_cast<int>(std::bit_ceil(static_cast<unsigned>(plan.m))));
  plan.chunk = std::min({Room::kChunk, Room::kRows / plan.pixels, Room::kWeights / (plan.m + 4)});
  plan.plane_h = is_transposed ? s.H : s.P;
  plan.plane_w = is_transposed ? s.W : s.Q;
  plan.grid = tile_grid(s.N, plan.plane_h, plan.plane_w, plan.pixels, true);
  if (!is_depthwise)
    return true;
  plan.halo = halo_tile<T>(s, plan.grid);
  const std::int64_t planes = static_cast<std::int64_t>(plan.grid.n) * plan.halo.plane;
  if (s.taps() > Room::kMostTaps || planes > Room::kHalo)
    return false;
  plan.chunk = std::min(plan.chunk, Room::kHalo / static_cast<int>(planes));
  return true;
}

// While a step is recorded, what makes the cotangent of scales takes in the fold that reads it.
[[maybe_unused]] static const bool sums_take_folds =
    register_absorption<SumOfAffine<float, float>, FoldPull<float>>() &&
    register_absorption<SumOfAffine<double, double>, FoldPull<double>>();

namespace {

/// y = a product, and its moments, if wanted.
template <class Source, class To>
void run(const ConvSize& s, const ProductPlan& plan, const Source& x, const typename Source::Value* depthwise,
         const typename Source::Value* w, bool w_moves, bool adds, To* y, typename Source::Value* moments) {
  using T = typename Source::Value;
  const int K = plan.groups * plan.M, tiles = plan.grid.count();
  const std::int64_t plane = s.y_plane();
  Tensor parts;
  MomentsPart* of_tiles = nullptr;
  if (moments) {
    parts = device_room({static_cast<std::int64_t>(tiles) * K, 3}, DType::kFloat64);
    of_tiles = reinterpret_cast<MomentsPart*>(parts.device_data<double>());
  }
  launch(ConvProduct<Source, StoreMap<T, To>>{s, plan, x, depthwise, w, w_moves, {y, adds, of_tiles, K, plane}});
  if (moments)
    merge_moments(tiles, K, s.N * plane, parts, moments);
}

}  // namespace

template <class Source, class To>
bool product_forward(const ConvSize& s, const Source& x, const typename Source::Value* w, bool w_moves, bool adds,
                     To* y, typename Source::Value* moments) {
  ProductPlan plan{};
  if (!suits_product(s) || !plan_product<typename Source::Value>(s, ProductRows::kTaps, s.group_outputs(), plan))
    return false;
  run(s, plan, x, nullptr, w, w_moves, adds, y, moments);
  return true;
}

template <class Source, class To>
bool product_pair(const ConvSize& s, const Source& x, const typename Source::Value* w, int K,
                  const typename Source::Value* w_point, To* y, typename Source::Value* moments) {
  ProductPlan plan{};
  if (s.group_inputs() != 1 || s.group_outputs() != 1 ||
      !plan_product<typename Source::Value>(s, ProductRows::kDepthwise, K, plan) || plan.m_tiles > 1)
    return false;
  run(s, plan, x, w, w_point, false, false, y, moments);
  return true;
}

template <class Cotangent>
bool product_transpose(const ConvSize& s, const Cotangent& y_bar, const typename Cotangent::Value* w, bool adds,
                       typename Cotangent::Value* x_bar) {
  using T = typename Cotangent::Value;
  ProductPlan plan{};
  if (!suits_product(s) || !plan_product<T>(s, ProductRows::kTransposed, s.group_inputs(), plan))
    return false;
  launch(ConvProduct<Cotangent, StoreMap<T, T>>{
      s, plan, y_bar, nullptr, w, false, {x_bar, adds, nullptr, s.C, s.x_plane()}});
  return true;
}

template <class T, class S, class Cotangent>
bool product_pull(const ConvSize& s, const LoadedMap<T, S>& x, const Cotangent& y_bar, const T* w,
                  const PullTargets<T>& to) {
  ProductPlan plan{};
  if (!suits_product(s) || !plan_product<T>(s, ProductRows::kTransposed, s.group_inputs(), plan))
    return false;
  const std::int64_t numel = 2LL * s.D * s.C;
  Tensor parts = to.affine ? device_room({plan.grid.count(), numel}, kDTypeOf<T>) : Tensor();
  T* const of_tiles = parts ? parts.device_data<T>() : nullptr;
  launch(ConvProduct<Cotangent, PutLoad<T, S>>{s, plan, y_bar, nullptr, w, false, {x, to.x, to.adds_x, of_tiles}});
  if (to.affine)
    sum_of_affine(plan.grid.count(), s.D, s.C, of_tiles, to.adds_affine, to.affine);
  return true;
}

#define OCKHAM_INSTANTIATE(Source, To)                                                                             \
  template bool product_forward(const ConvSize&, const Source&, const Source::Value*, bool, bool, To*,             \
                                Source::Value*);                                                                   \
  template bool product_pair(const ConvSize&, const Source&, const Source::Value*, int, const Source::Value*, To*, \
                             Source::Value*);
OCKHAM_FOR_FORWARD_TYPES(OCKHAM_INSTANTIATE)
#undef OCKHAM_INSTANTIATE
#define OCKHAM_INSTANTIATE(Cotangent) \
  template bool product_transpose(const ConvSize&, const Cotangent&, const Cotangent::Value*, bool, Cotangent::Value*);
OCKHAM_FOR_COTANGENTS(OCKHAM_INSTANTIATE)
#undef OCKHAM_INSTANTIATE
#define OCKHAM_INSTANTIATE(T, S, Cotangent)                                                       \
  template bool product_pull(const ConvSize&, const LoadedMap<T, S>&, const Cotangent&, const T*, \
                             const PullTargets<T>&);
OCKHAM_FOR_PULL_TYPES(OCKHAM_INSTANTIATE)
#undef OCKHAM_INSTANTIATE

}  // namespace ockham::cuda
