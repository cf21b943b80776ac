#pragma once
// Blocks of maps stored in bfloat16 for the float kernels of mix: widened into the cache, block by block.
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

/// The block as the first of memory of its own.
inline MixBlock at_start(const MixBlock& block) {
  return {0, block.channel, block.planes, block.P};
}

inline float* widened_block(const MixBlock& block, const BFloat16* map, ScratchScope& scratch) {
  const std::int64_t n = block.planes * block.P;
  float* tile = scratch.take<float>(n);
  convert(n, map + block.at, tile);
  return tile;
}

/// mix_terms() on maps x, one for each term, with a y that is rounded when its sum is complete.
inline void mix_narrow_terms(const MixBlock& block, const float* constant, std::vector<MixTerm<float>> terms,
                             const std::vector<const BFloat16*>& x, BFloat16* y) {
  ScratchScope scratch;
  for (std::size_t k = 0; k < terms.size(); ++k)
    terms[k].x = widened_block(block, x[k], scratch);
  const std::int64_t n = block.planes * block.P;
  float* sum = scratch.take<float>(n);
  mix_terms<float>(at_start(block), constant, terms, sum);
  convert(n, sum, y + block.at);
}

/// mix_pull() on maps z, null where <y_bar, z> is not wanted. Cotangents are float.
inline void mix_narrow_pull(const MixBlock& block, const float* y_bar, std::vector<MixPull<float>> branches,
                            const std::vector<const BFloat16*>& z, bool streams, double* sums) {
  ScratchScope scratch;
  for (std::size_t k = 0; k < branches.size(); ++k) {
    branches[k].z = z[k] != nullptr ? widened_block(block, z[k], scratch) : nullptr;
    if (branches[k].z_bar != nullptr)
      branches[k].z_bar += block.at;
  }
  mix_pull<float>(at_start(block), y_bar + block.at, branches, streams, sums);
}

}  // namespace ockham::cpu
