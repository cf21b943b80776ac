#include "engine/bfloat16.h"

#include "engine/simd.h"

namespace ockham {
namespace {

OCKHAM_CLONES void round_all(std::int64_t n, const float* from, BFloat16* to) {
  for (std::int64_t i = 0; i < n; ++i)
    to[i] = BFloat16(from[i]);
}

OCKHAM_CLONES void widen_all(std::int64_t n, const BFloat16* from, float* to) {
  for (std::int64_t i = 0; i < n; ++i)
    to[i] = static_cast<float>(from[i]);
}

}  // namespace

void convert(std::int64_t n, const float* from, BFloat16* to) {
  round_all(n, from, to);
}

void convert(std::int64_t n, const BFloat16* from, float* to) {
  widen_all(n, from, to);
}

}  // namespace ockham
