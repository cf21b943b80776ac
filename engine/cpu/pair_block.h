#pragma once
// The packed operands of engine/gemm_bf16.h. Two neighbours in K share 32 bits, the earlier in the lower half: what
// VDPBF16PS and the matrix tiles multiply at once. Layouts are padded with zeros to whole tiles.
#include <cstdint>

#include "engine/gemm_bf16.h"

namespace ockham::cpu {

constexpr std::int64_t kPairColumns = 64;  ///< columns of a block of B
constexpr std::int64_t kTile = 16;         ///< rows, pairs and columns of a tile
constexpr std::int64_t whole_tiles(std::int64_t n) {
  return (n + kTile - 1) / kTile * kTile;
}

/// C[M, columns] = beta C + A B over `pairs` pairs; beta is 0 or 1.
struct PairBlock {
  std::int64_t M, columns, pairs;
  const std::uint32_t* a;  ///< [whole_tiles(M), a_row], a_row a multiple of kTile
  std::int64_t a_row;
  const std::uint32_t* b;  ///< [whole_tiles(pairs), kPairColumns]
  float beta;
  float* c;
  std::int64_t c_row;
};

enum class PairKernel { kTiles, kVectors, kSplit };  ///< amx, avx512, fma

/// C = beta C + A B with B as row pointers; see gemm_rows_bf16().
struct PackedProblem {
  PackedMatrix a;
  std::int64_t N;
  const float* const* b_rows;
  float beta;
  float* c;
  std::int64_t c_row;
};
/// By the kernel named, which the machine must have.
void run(const PackedProblem& p, PairKernel kernel);

}  // namespace ockham::cpu
