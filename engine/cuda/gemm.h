#pragma once
// Matrix products by cuBLAS, row-major as everywhere in the engine.
#include <cstdint>

namespace ockham::cuda {

/// C = alpha op(A) op(B) + beta C for `batch` matrices each `step` elements apart (0: the same for all).
/// op(A) is [M, K], op(B) [K, N], C [M, N]; A is stored [M, K], or [K, M] where `is_transposed`, with rows `row` apart.
template <class T>
struct GemmOperand {
  const T* data;
  std::int64_t row;
  std::int64_t step = 0;
  bool is_transposed = false;
};

/// T: float, as the queue's math mode at the time of the call says, or double. Sizes and rows below 2^31. Work of the
/// queue like any kernel: recorded steps keep it with its operands, one launch by itself.
template <class T>
void gemm(std::int64_t M, std::int64_t N, std::int64_t K, double alpha, const GemmOperand<T>& a,
          const GemmOperand<T>& b, double beta, T* c, std::int64_t c_row, std::int64_t batch = 1,
          std::int64_t c_step = 0);

}  // namespace ockham::cuda
