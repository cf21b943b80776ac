#include "engine/gemm.h"

namespace ockham {

template <class T>
void gemm_ref(bool transpose_a, bool transpose_b, std::int64_t M, std::int64_t N, std::int64_t K, const T* a,
              std::int64_t a_row, const T* b, std::int64_t b_row, T beta, T* c, std::int64_t c_row) {
  for (std::int64_t m = 0; m < M; ++m) {
    for (std::int64_t n = 0; n < N; ++n) {
      T sum = 0;
      for (std::int64_t k = 0; k < K; ++k) {
        const T a_mk = transpose_a ? a[k * a_row + m] : a[m * a_row + k];
        const T b_kn = transpose_b ? b[n * b_row + k] : b[k * b_row + n];
        sum += a_mk * b_kn;
      }
      T& c_mn = c[m * c_row + n];
      c_mn = beta == T(0) ? sum : beta * c_mn + sum;
    }
  }
}
template void gemm_ref(bool, bool, std::int64_t, std::int64_t, std::int64_t, const float*, std::int64_t, const float*,
                       std::int64_t, float, float*, std::int64_t);
template void gemm_ref(bool, bool, std::int64_t, std::int64_t, std::int64_t, const double*, std::int64_t, const double*,
                       std::int64_t, double, double*, std::int64_t);

}  // namespace ockham
