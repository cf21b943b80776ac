#pragma once
// How the rest of the program reaches Highway kernels, which foreach_target.h compiles once per instruction set. A file
// of them includes this after hwy/highway.h and ends with plain function templates that call the one for this machine:
//
//   #if HWY_ONCE
//   namespace ockham::cpu {
//   template <class T>
//   void max_pool(const PoolPlane& plane, std::int64_t planes, const T* x, T* y, std::uint8_t* taps) {
//     OCKHAM_DISPATCH(maxima_all<T>)(plane, planes, x, y, taps);
//   }
//   OCKHAM_FOR_FLOATS(max_pool)
//   }  // namespace ockham::cpu
//   #endif  // HWY_ONCE
#include <hwy/highway.h>

#include "engine/simd.h"

/// `function`, a function or a template-id with one argument in ockham::cpu::HWY_NAMESPACE, as compiled for the
/// instruction set of this process (HWY_EXPORT and HWY_DYNAMIC_DISPATCH take no templates). instruction_set() reads
/// OCKHAM_ISA before the first choice.
#if HWY_TARGETS == HWY_STATIC_TARGET
#define OCKHAM_DISPATCH(function) HWY_STATIC_DISPATCH(function)
#else
#define OCKHAM_DISPATCH(function)                                                  \
  (*[] {                                                                           \
    static constexpr decltype(&HWY_STATIC_DISPATCH(function)) kOfTarget[] = {      \
        nullptr, HWY_CHOOSE_TARGET_LIST(function), HWY_CHOOSE_FALLBACK(function)}; \
    ::ockham::instruction_set();                                                   \
    return kOfTarget[hwy::GetChosenTarget().GetIndex()];                           \
  }())
#endif

/// Instantiates a function template with the types given, or with float and double.
#define OCKHAM_INSTANTIATE(function, ...) template decltype(function<__VA_ARGS__>) function<__VA_ARGS__>;
#define OCKHAM_FOR_FLOATS(function)   \
  OCKHAM_INSTANTIATE(function, float) \
  OCKHAM_INSTANTIATE(function, double)
