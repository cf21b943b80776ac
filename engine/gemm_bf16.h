#pragma once
// Matrix products of bfloat16 numbers with float32 sums. Operands come as float32 and are rounded to nearest even while
// they are packed; their products are exact, so results differ from gemm() on rounded operands in the order of
// summation only. Of three kernels the first that the processor and OCKHAM_ISA allow runs:
//   amx      matrix tiles: 16 x 16 sums, 32 products deep. Not where OCKHAM_ISA names a level; needs the permission of
//            the operating system, which is asked for once. Packing and blocking are tested on a model of the tiles in
//            C++; the instructions themselves have run on no machine so far.
//   avx512   VDPBF16PS, two products a lane: 2.0 times the rate of float32 multiply-adds on Zen 5 (measured), half of
//            it on Sapphire Rapids (measured), so Intel's processors do not use it.
//   fma      float32 multiply-adds of the rounded numbers, everywhere.
// amx and avx512 take subnormal numbers as zero.
#include <cstdint>
#include <string>

#include "engine/arena.h"

namespace ockham {

/// A matrix [M, K], rounded and packed to be multiplied with many others. Lives in the scratch it was packed into.
struct PackedMatrix {
  std::int64_t M = 0, K = 0;
  std::int64_t row = 0;                  ///< pairs from row to row
  const std::uint32_t* pairs = nullptr;  ///< [whole tiles of M, row]: elements (m, 2p) and (m, 2p + 1)
};
/// Element (m, k) is a[m * a_row + k * a_column].
PackedMatrix pack_bf16(std::int64_t M, std::int64_t K, const float* a, std::int64_t a_row, std::int64_t a_column,
                       ScratchScope& scratch);

/// C[m, n] = beta C[m, n] + sum over k of A[m, k] * b_rows[k][n], as gemm_rows(). beta is 0 or 1.
void gemm_rows_bf16(const PackedMatrix& a, std::int64_t N, const float* const* b_rows, float beta, float* c,
                    std::int64_t c_row);

/// The kernel that runs, and why those before it do not: "avx512; amx: this processor has no matrix tiles".
std::string gemm_bf16_kernel();

}  // namespace ockham
