#pragma once
// The kernels of mix on maps stored in bfloat16.
#include <vector>

#include "engine/arena.h"
#include "engine/tensor.h"
#include "ops/mix/mix_kernels.h"

namespace ockham::cpu {

/// @throws DTypeError if some maps are narrow and others are not
inline void require_one_type(std::span<const Tensor> maps) {
  for (const Tensor& map : maps) {
    if (map.dtype() != maps[0].dtype())
      throw DTypeError(concat("mix: maps of ", maps[0].dtype(), " and ", map.dtype(),
                              "; all must be of one type, convert with Tensor::to."));
  }
}

/// The block as the first of memory that begins with it.
inline MixBlock at_start(const MixBlock& block) {
  return {0, block.channel, block.planes, block.P};
}

/// mix_terms() on maps x, one for each term, with a y that is rounded when its sum is complete.
inline void mix_narrow_terms(const MixBlock& block, const float* constant, std::span<const MixTerm<float>> terms,
                             const std::vector<const BFloat16*>& x, BFloat16* y) {
  std::vector<MixTerm<float, BFloat16>> narrow;
  for (std::size_t k = 0; k < terms.size(); ++k)
    narrow.push_back({terms[k].factor, x[k] + block.at});
  const std::int64_t n = block.planes * block.P;
  ScratchScope scratch;
  float* sum = scratch.take<float>(n);
  mix_terms<float, BFloat16>(at_start(block), constant, narrow, sum);
  convert(n, sum, y + block.at);
}

/// mix_pull() on maps z, null where <y_bar, z> is not wanted. Cotangents are float.
inline void mix_narrow_pull(const MixBlock& block, const float* y_bar, std::span<const MixPull<float>> branches,
                            const std::vector<const BFloat16*>& z, bool streams, double* sums) {
  std::vector<MixPull<float, BFloat16>> narrow;
  for (std::size_t k = 0; k < branches.size(); ++k) {
    const MixPull<float>& b = branches[k];
    narrow.push_back({b.factor, z[k] ? z[k] + block.at : nullptr, b.z_bar ? b.z_bar + block.at : nullptr, b.adds});
  }
  mix_pull<float, BFloat16>(at_start(block), y_bar + block.at, narrow, streams, sums);
}

}  // namespace ockham::cpu
