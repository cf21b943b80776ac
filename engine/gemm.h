#pragma once
// Matrix multiply with the rows of B given by pointer, so that a convolution can hand in shifted views of a padded
// plane instead of a materialised im2col matrix. Row-major everywhere; T is float or double. Single-threaded: callers
// split samples over threads. The order of summation depends on the shape and the instruction set, never on threads.
#include <cstdint>

namespace ockham {

/// C[m, n] = beta * C[m, n] + sum_k A[m, k] * b_rows[k][n].
/// A: element (m, k) at a[m * a_row + k * a_column] (either may be 1, so A^T needs no copy). C: leading dimension
/// c_row, not read if beta is 0. Reads exactly b_rows[k][0, N).
template <class T>
void gemm_rows(std::int64_t M, std::int64_t N, std::int64_t K, const T* a, std::int64_t a_row, std::int64_t a_column,
               const T* const* b_rows, T beta, T* c, std::int64_t c_row);

/// C[m, n] = beta * C[m, n] + sum_k A[m, k] * B[n, k]: dot products of rows. Best for K much longer than M and N.
template <class T>
void gemm_dots(std::int64_t M, std::int64_t N, std::int64_t K, const T* a, std::int64_t a_row, const T* b,
               std::int64_t b_row, T beta, T* c, std::int64_t c_row);

/// C[M, N] = beta * C + op(A) op(B) with leading dimensions a_row, b_row, c_row; op transposes where the flag says so:
/// A is stored [M, K] or [K, M], B is stored [K, N] or [N, K].
template <class T>
void gemm(bool transpose_a, bool transpose_b, std::int64_t M, std::int64_t N, std::int64_t K, const T* a,
          std::int64_t a_row, const T* b, std::int64_t b_row, T beta, T* c, std::int64_t c_row);

/// The same by three plain loops: the specification.
template <class T>
void gemm_ref(bool transpose_a, bool transpose_b, std::int64_t M, std::int64_t N, std::int64_t K, const T* a,
              std::int64_t a_row, const T* b, std::int64_t b_row, T beta, T* c, std::int64_t c_row);

/// y[j, i] = x[i, j] for x [rows, columns] with leading dimensions x_row, y_row.
template <class T>
void transpose(std::int64_t rows, std::int64_t columns, const T* x, std::int64_t x_row, T* y, std::int64_t y_row);

}  // namespace ockham
