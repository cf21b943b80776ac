#include "ops/conv_unit/conv_unit_filters.h"

#include "engine/gemm.h"
#include "engine/parallel.h"

namespace ockham::cpu {
namespace {

template <class T>
bool composes(const UnitSample<T>& unit) {
  return unit.w_pointwise && unit.conv.groups == 1 && unit.conv_kernel().form == cpu::Conv2dForm::kDense;
}

/// Calls body(begin, end) over threads for pieces of columns of a product with filters.
template <class Body>
void over_columns(std::int64_t length, Body&& body) {
  constexpr std::int64_t kColumns = 256;  // 144 rows of them stay in the second-level cache
  parallel_for(length, kColumns, body);
}

}  // namespace

template <class T>
bool composes_forward(const UnitSample<T>& unit, std::int64_t N) {
  const auto [K, K1, length] = filter_sizes(unit);
  const std::int64_t pixels = N * unit.z_plane();
  return composes(unit) && K * length * (pixels + K1) < K1 * pixels * (length + K);
}

template <class T>
bool composes_vjp(const UnitSample<T>& unit, std::int64_t N) {
  const auto [K, K1, length] = filter_sizes(unit);
  const std::int64_t pixels = N * unit.z_plane();
  // Composed: V, P^T V_bar and V_bar W^T beside two convolutions; otherwise a third convolution.
  return composes(unit) && K * (2 * pixels + 3 * K1) < 3 * K1 * pixels;
}

// Captures by name: clang 14 takes no structured binding otherwise.
template <class T>
UnitSample<T> composed(const UnitSample<T>& unit, ScratchScope& scratch) {
  const auto [K, K1, length] = filter_sizes(unit);
  T* v = scratch.take<T>(K * length);
  over_columns(length, [&, K = K, K1 = K1, length = length](std::int64_t begin, std::int64_t end) {
    gemm(false, false, K, end - begin, K1, unit.w_pointwise, K1, unit.w + begin, length, T(0), v + begin, length);
  });
  UnitSample<T> result = unit;
  result.conv.K = K;
  result.w = v;
  result.w_pointwise = nullptr;
  return result;
}

template <class T>
void filter_gradient(const FilterSizes& sizes, const T* p, const T* v_bar, T beta, T* w_bar) {
  const auto [K, K1, length] = sizes;
  over_columns(length, [&, K = K, K1 = K1, length = length](std::int64_t begin, std::int64_t end) {
    gemm(true, false, K1, end - begin, K, p, K1, v_bar + begin, length, beta, w_bar + begin, length);
  });
}

template <class T>
void point_gradient(const FilterSizes& sizes, const T* v_bar, const T* w, T beta, T* p_bar) {
  constexpr std::int64_t kRows = 24;
  const auto [K, K1, length] = sizes;
  parallel_for(K, kRows, [&, K1 = K1, length = length](std::int64_t begin, std::int64_t end) {
    gemm(false, true, end - begin, K1, length, v_bar + begin * length, length, w, length, beta, p_bar + begin * K1, K1);
  });
}

#define OCKHAM_INSTANTIATE_FILTERS(T)                                           \
  template bool composes_forward(const UnitSample<T>&, std::int64_t);           \
  template bool composes_vjp(const UnitSample<T>&, std::int64_t);               \
  template UnitSample<T> composed(const UnitSample<T>&, ScratchScope&);         \
  template void filter_gradient(const FilterSizes&, const T*, const T*, T, T*); \
  template void point_gradient(const FilterSizes&, const T*, const T*, T, T*);
OCKHAM_INSTANTIATE_FILTERS(float)
OCKHAM_INSTANTIATE_FILTERS(double)
#undef OCKHAM_INSTANTIATE_FILTERS

}  // namespace ockham::cpu
