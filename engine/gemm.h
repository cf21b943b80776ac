#pragma once
// Matrix multiply with the rows of B given by pointer, so that a convolution can hand in shifted views of a padded
// plane instead of a materialised im2col matrix.
#include <cstdint>

namespace ockham {

/// C[m, n] = beta * C[m, n] + sum_k A[m, k] * B_k[n], with B_k = b_rows[k].
/// A: element (m, k) at a[m * a_row + k * a_column] (either may be 1, so A^T needs no copy). C: row-major, leading
/// dimension c_row. T is float or double. Single-threaded: callers split samples over threads. Sums over k in order.
template <class T>
void gemm_rows(std::int64_t M, std::int64_t N, std::int64_t K, const T* a, std::int64_t a_row, std::int64_t a_column,
               const T* const* b_rows, T beta, T* c, std::int64_t c_row);

/// C[M, N] = beta * C + op(A) op(B), row-major with leading dimensions; op transposes where the flag says so.
template <class T>
void gemm(bool transpose_a, bool transpose_b, std::int64_t M, std::int64_t N, std::int64_t K, const T* a,
          std::int64_t a_row, const T* b, std::int64_t b_row, T beta, T* c, std::int64_t c_row);

/// The instruction set that the kernels of this process use, e.g. "AVX3" or "AVX2"; OCKHAM_ISA=sse4|avx2|avx512 in
/// the environment lowers it. @throws UsageError if it names a level that this machine lacks
const char* instruction_set();

}  // namespace ockham
