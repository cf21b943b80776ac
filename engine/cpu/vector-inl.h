// Full vectors of float or double, and the partial ones at the end of a row. Included once per instruction set, after
// hwy/highway.h, by files that foreach_target.h compiles several times; hence no #pragma once.
#if defined(OCKHAM_ENGINE_CPU_VECTOR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCKHAM_ENGINE_CPU_VECTOR_INL_H_
#undef OCKHAM_ENGINE_CPU_VECTOR_INL_H_
#else
#define OCKHAM_ENGINE_CPU_VECTOR_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace ockham::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Lanes = hn::CappedTag<T, 64 / sizeof(T)>;
template <class T>
using Vector = hn::Vec<Lanes<T>>;
// Vectors of at most 32 bytes: a row of 8 floats fills one, where a longer one would be half empty.
template <class T>
using ShortLanes = hn::CappedTag<T, 32 / sizeof(T)>;
template <class T>
constexpr std::int64_t kLanes = hn::MaxLanes(Lanes<T>());
template <class T>
constexpr std::int64_t kShortLanes = hn::MaxLanes(ShortLanes<T>());

// The first `count` (1 to kLanes) elements and zeros, without touching memory behind them.
template <class T>
HWY_INLINE Vector<T> load_first(const T* p, std::int64_t count) {
  const Lanes<T> d;
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  return hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(count)), d, p);
#else
  alignas(64) T buffer[kLanes<T>] = {};
  for (std::int64_t i = 0; i < count; ++i)
    buffer[i] = p[i];
  return hn::Load(d, buffer);
#endif
}

template <class T>
HWY_INLINE void store_first(Vector<T> v, T* p, std::int64_t count) {
  const Lanes<T> d;
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  hn::BlendedStore(v, hn::FirstN(d, static_cast<std::size_t>(count)), d, p);
#else
  alignas(64) T buffer[kLanes<T>];
  hn::Store(v, d, buffer);
  for (std::int64_t i = 0; i < count; ++i)
    p[i] = buffer[i];
#endif
}

template <bool kPartial, class T>
HWY_INLINE Vector<T> load(const T* p, std::int64_t count) {
  if constexpr (kPartial)
    return load_first(p, count);
  else
    return hn::LoadU(Lanes<T>(), p);
}

}  // namespace HWY_NAMESPACE
}  // namespace ockham::cpu
HWY_AFTER_NAMESPACE();

#endif
