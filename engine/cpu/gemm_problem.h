#pragma once
// The arguments of engine/gemm.h as structures, shared by the copies of the kernels for each instruction set.
#include <cstdint>

namespace ockham::cpu {

/// C = beta C + A B with B as row pointers; see gemm_rows().
template <class T>
struct RowsProblem {
  std::int64_t M, N, K;
  const T* a;
  std::int64_t a_row, a_column;
  const T* const* b_rows;
  T beta;
  T* c;
  std::int64_t c_row;
};

/// C = beta C + A B^T; see gemm_dots().
template <class T>
struct DotsProblem {
  std::int64_t M, N, K;
  const T* a;
  std::int64_t a_row;
  const T* b;
  std::int64_t b_row;
  T beta;
  T* c;
  std::int64_t c_row;
};

}  // namespace ockham::cpu
