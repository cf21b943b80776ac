#include <algorithm>

#include "engine/cpu/targets.h"
#include "ops/moments/moments_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/moments/moments_tangent_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/cpu/dispatch.h"
#include "engine/cpu/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ockham::cpu {
namespace HWY_NAMESPACE {

template <class T>
HWY_INLINE double total(Vector<T> v) {
  return static_cast<double>(hn::GetLane(hn::SumOfLanes(Lanes<T>(), v)));
}

template <class T>
HWY_INLINE void add_block(std::int64_t n, const T* t, const T* x, T pivot, TangentMoments& result) {
  const Lanes<T> d;
  const auto p = hn::Set(d, pivot);
  auto sum = hn::Zero(d), squares = hn::Zero(d), cross = hn::Zero(d);
  const auto add = [&](Vector<T> ti, Vector<T> xi) HWY_ATTR {
    sum = hn::Add(sum, ti);
    squares = hn::MulAdd(ti, ti, squares);
    cross = hn::MulAdd(ti, hn::Sub(xi, p), cross);
  };
  std::int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>)
    add(hn::LoadU(d, t + i), hn::LoadU(d, x + i));
  if (i < n)  // t is zero behind the end, so that the pivot is not missed there
    add(load_first(t + i, n - i), load_first(x + i, n - i));
  result.sum += total<T>(sum);
  result.squares += total<T>(squares);
  result.cross += total<T>(cross);
}

template <class T>
void tangent_moments_of(std::int64_t planes, std::int64_t P, const T* t, const T* x, const T* pivots,
                        TangentMoments* moments) {
  constexpr std::int64_t kBlock = 1024;  // sums of so few are safe in float
  for (std::int64_t plane = 0; plane < planes; ++plane, t += P, x += P) {
    TangentMoments result;
    for (std::int64_t begin = 0; begin < P; begin += kBlock)
      add_block(std::min(kBlock, P - begin), t + begin, x + begin, pivots[plane], result);
    moments[plane] = result;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ockham::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ockham::cpu {

template <class T>
void tangent_moments(std::int64_t planes, std::int64_t P, const T* t, const T* x, const T* pivots,
                     TangentMoments* moments) {
  OCKHAM_DISPATCH(tangent_moments_of<T>)(planes, P, t, x, pivots, moments);
}
OCKHAM_FOR_FLOATS(tangent_moments)

}  // namespace ockham::cpu
#endif  // HWY_ONCE
