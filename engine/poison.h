#pragma once
// Free memory and gaps, which nobody may touch: AddressSanitizer reports whoever does. Nothing in other builds.
#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define OCKHAM_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OCKHAM_POISONS 1
#endif
#endif
#if defined(OCKHAM_POISONS)
#include <sanitizer/asan_interface.h>
#endif

namespace ockham {

#if defined(OCKHAM_POISONS)
inline constexpr bool kPoisons = true;
inline void poison(const void* begin, std::size_t size) {
  __asan_poison_memory_region(begin, size);
}
inline void unpoison(const void* begin, std::size_t size) {
  __asan_unpoison_memory_region(begin, size);
}
inline bool is_poisoned(const void* byte) {
  return __asan_address_is_poisoned(byte) != 0;
}
#else
inline constexpr bool kPoisons = false;
inline void poison(const void*, std::size_t) {}
inline void unpoison(const void*, std::size_t) {}
inline bool is_poisoned(const void*) {
  return false;
}
#endif

}  // namespace ockham
