#include "engine/cuda/gemm.h"

#include <cublas_v2.h>

#include <limits>
#include <type_traits>

#include "engine/cuda/error.h"
#include "engine/cuda/queue.h"
#include "engine/error.h"

namespace ockham::cuda {
namespace {

int int_of(std::int64_t value) {
  if (value > std::numeric_limits<int>::max())
    throw Error(concat("cuda: a matrix product of size ", value, " is beyond the ", std::numeric_limits<int>::max(),
                       " that cuBLAS takes; use a smaller batch."));
  return static_cast<int>(value);
}

/// Elements from the first of the first matrix to the last of the last.
std::int64_t extent(std::int64_t rows, std::int64_t columns, std::int64_t row, std::int64_t batch, std::int64_t step) {
  return (batch - 1) * step + (rows - 1) * row + columns;
}

template <class T>
std::int64_t extent(const GemmOperand<T>& x, std::int64_t rows, std::int64_t columns, std::int64_t batch) {
  return x.is_transposed ? extent(columns, rows, x.row, batch, x.step) : extent(rows, columns, x.row, batch, x.step);
}

}  // namespace

template <class T>
void gemm(std::int64_t M, std::int64_t N, std::int64_t K, double alpha, const GemmOperand<T>& a,
          const GemmOperand<T>& b, double beta, T* c, std::int64_t c_row, std::int64_t batch, std::int64_t c_step) {
  if (M == 0 || N == 0 || batch == 0)
    return;
  Operands operands;
  operands.reads(a.data, extent(a, M, K, batch));
  operands.reads(b.data, extent(b, K, N, batch));
  operands.writes(c, extent(M, N, c_row, batch, c_step));
  Queue& queue = Queue::instance();
  // Row-major C = A B is column-major C^T = B^T A^T: the operands change places, and none is transposed for it.
  const auto operation = [](const GemmOperand<T>& x) { return x.is_transposed ? CUBLAS_OP_T : CUBLAS_OP_N; };
  const int m = int_of(N), n = int_of(M), k = int_of(K), lda = int_of(b.row), ldb = int_of(a.row), ldc = int_of(c_row);
  const int count = int_of(batch);
  constexpr bool kIsDouble = std::is_same_v<T, double>;
  constexpr cudaDataType kType = kIsDouble ? CUDA_R_64F : CUDA_R_32F;
  const cublasComputeType_t arithmetic = kIsDouble                              ? CUBLAS_COMPUTE_64F
                                         : queue.math_mode() == MathMode::kTf32 ? CUBLAS_COMPUTE_32F_FAST_TF32
                                                                                : CUBLAS_COMPUTE_32F;
  queue.count_product();
  queue.run("gemm", operands, [=, &queue](cudaStream_t) {
    const T one = static_cast<T>(alpha);
    const T old = static_cast<T>(beta);
    check(cublasGemmStridedBatchedEx(queue.blas(), operation(b), operation(a), m, n, k, &one, b.data, kType, lda,
                                     b.step, a.data, kType, ldb, a.step, &old, c, kType, ldc, c_step, count, arithmetic,
                                     CUBLAS_GEMM_DEFAULT),
          "cublasGemmStridedBatchedEx");
  });
}

template void gemm(std::int64_t, std::int64_t, std::int64_t, double, const GemmOperand<float>&,
                   const GemmOperand<float>&, double, float*, std::int64_t, std::int64_t, std::int64_t);
template void gemm(std::int64_t, std::int64_t, std::int64_t, double, const GemmOperand<double>&,
                   const GemmOperand<double>&, double, double*, std::int64_t, std::int64_t, std::int64_t);

}  // namespace ockham::cuda
