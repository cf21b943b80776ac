// cuBLAS: products in column-major order, the checks of their arguments, and how modes round.
#include <cublas_v2.h>
#include <cuda_bf16.h>

#include <cmath>
#include <vector>

#include "tests/cudaemu/suite/device_memory.h"
#include "tests/cudaemu/suite/handles.h"
#include "tests/cudaemu/suite/reports.h"

namespace ockham::emutest {
namespace {

struct Blas {
  Blas() { cublasCreate(&handle); }
  ~Blas() { cublasDestroy(handle); }
  Blas(const Blas&) = delete;
  Blas& operator=(const Blas&) = delete;
  operator cublasHandle_t() const { return handle; }
  cublasHandle_t handle = nullptr;
};

/// op(A) op(B) for column-major matrices, in double precision.
template <class T>
std::vector<T> product_of(bool ta, bool tb, int m, int n, int k, const T* a, int lda, const T* b, int ldb) {
  std::vector<T> c;
  for (int j = 0; j < n; ++j)
    for (int i = 0; i < m; ++i) {
      double sum = 0;
      for (int p = 0; p < k; ++p)
        sum += static_cast<double>(ta ? a[i * lda + p] : a[p * lda + i]) *
               static_cast<double>(tb ? b[p * ldb + j] : b[j * ldb + p]);
      c.push_back(static_cast<T>(sum));
    }
  return c;
}

constexpr int kM = 5, kN = 7, kK = 11;

BOOST_AUTO_TEST_SUITE(cublas)

BOOST_AUTO_TEST_CASE(products_of_each_transposition_with_leading_dimensions_and_strides) {
  const Blas blas;
  const std::vector<float> a = random_values(400, 1), b = random_values(400, 2);
  const DeviceArray<float> da(a), db(b);
  for (const bool ta : {false, true})
    for (const bool tb : {false, true}) {
      const int lda = (ta ? kK : kM) + 2, ldb = (tb ? kN : kK) + 1;
      const DeviceArray<float> dc(std::vector<float>(2 * 8 * kN, 1.0f));
      const float alpha = 2, beta = -1;
      BOOST_TEST(cublasSgemmStridedBatched(blas, ta ? CUBLAS_OP_T : CUBLAS_OP_N, tb ? CUBLAS_OP_T : CUBLAS_OP_N, kM, kN,
                                           kK, &alpha, da, lda, 150, db, ldb, 160, &beta, dc, 8, 8 * kN,
                                           2) == CUBLAS_STATUS_SUCCESS);
      const std::vector<float> c = dc.host();
      for (int batch = 0; batch < 2; ++batch) {
        const std::vector<float> expected =
            product_of(ta, tb, kM, kN, kK, a.data() + 150 * batch, lda, b.data() + 160 * batch, ldb);
        for (int j = 0; j < kN; ++j)
          for (int i = 0; i < 8; ++i) {
            const float got = c[static_cast<std::size_t>((batch * kN + j) * 8 + i)];
            const float wanted = i < kM ? 2 * expected[static_cast<std::size_t>(j * kM + i)] - 1 : 1;
            BOOST_TEST(std::fabs(got - wanted) < 1e-4f);
          }
      }
    }
}

BOOST_AUTO_TEST_CASE(double_and_bfloat16_products) {
  const Blas blas;
  std::vector<double> a(kM * kK), b(kK * kN);
  for (std::size_t i = 0; i < a.size(); ++i)
    a[i] = std::sin(static_cast<double>(i));
  for (std::size_t i = 0; i < b.size(); ++i)
    b[i] = std::cos(static_cast<double>(i));
  const DeviceArray<double> da(a), db(b), dc(kM * kN);
  const double one = 1, zero = 0;
  BOOST_TEST(cublasDgemm(blas, CUBLAS_OP_N, CUBLAS_OP_N, kM, kN, kK, &one, da, kM, db, kK, &zero, dc, kM) ==
             CUBLAS_STATUS_SUCCESS);
  const std::vector<double> exact = product_of(false, false, kM, kN, kK, a.data(), kM, b.data(), kK);
  const std::vector<double> c = dc.host();
  for (std::size_t i = 0; i < c.size(); ++i)
    BOOST_TEST(std::fabs(c[i] - exact[i]) < 1e-13);

  const std::vector<__nv_bfloat16> na(a.begin(), a.end()), nb(b.begin(), b.end());
  const DeviceArray<__nv_bfloat16> dna(na), dnb(nb), narrow(kM * kN);
  const DeviceArray<float> wide(kM * kN);
  const float fone = 1, fzero = 0;
  const auto run = [&](void* result, cudaDataType type) {
    return cublasGemmEx(blas, CUBLAS_OP_N, CUBLAS_OP_N, kM, kN, kK, &fone, dna, CUDA_R_16BF, kM, dnb, CUDA_R_16BF, kK,
                        &fzero, result, type, kM, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);
  };
  BOOST_TEST(run(wide.data(), CUDA_R_32F) == CUBLAS_STATUS_SUCCESS);
  BOOST_TEST(run(narrow.data(), CUDA_R_16BF) == CUBLAS_STATUS_SUCCESS);
  const std::vector<float> floats = wide.host();
  const std::vector<__nv_bfloat16> rounded = narrow.host();
  for (std::size_t i = 0; i < floats.size(); ++i) {
    BOOST_TEST(std::fabs(static_cast<double>(floats[i]) - exact[i]) < 0.05);
    BOOST_TEST(static_cast<float>(rounded[i]) == static_cast<float>(__nv_bfloat16(floats[i])));
  }
}

BOOST_AUTO_TEST_CASE(tf32_rounds_the_inputs_to_ten_bits_where_it_is_asked_for) {
  const Blas blas;
  const float fine = 1 + std::ldexp(1.0f, -12), one = 1, zero = 0;
  const DeviceArray<float> a(std::vector<float>{fine}), c(1);
  const auto square = [&](cublasComputeType_t type) {
    cublasGemmEx(blas, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, a, CUDA_R_32F, 1, a, CUDA_R_32F, 1, &zero, c,
                 CUDA_R_32F, 1, type, CUBLAS_GEMM_DEFAULT);
    return c.host()[0];
  };
  BOOST_TEST(square(CUBLAS_COMPUTE_32F) == fine * fine);
  BOOST_TEST(square(CUBLAS_COMPUTE_32F_FAST_TF32) == 1.0f);
  cublasSetMathMode(blas, CUBLAS_TF32_TENSOR_OP_MATH);
  BOOST_TEST(square(CUBLAS_COMPUTE_32F) == 1.0f);
  BOOST_TEST(square(CUBLAS_COMPUTE_32F_PEDANTIC) == fine * fine);
}

BOOST_AUTO_TEST_CASE(scalars_are_read_at_the_call_or_on_the_device) {
  const StreamOrder lazy(emu::Streams::lazy);
  const Blas blas;
  const Stream s;
  cublasSetStream(blas, s);
  const DeviceArray<float> x(std::vector<float>{3}), scalars(std::vector<float>{1, 0}), y(1), z(1);
  float alpha = 1, zero = 0;
  cublasSgemm(blas, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &alpha, x, 1, x, 1, &zero, y, 1);
  alpha = 2;
  check(cudaMemcpyAsync(scalars, &alpha, 4, cudaMemcpyHostToDevice, s));
  cublasSetPointerMode(blas, CUBLAS_POINTER_MODE_DEVICE);
  cublasSgemm(blas, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, scalars, x, 1, x, 1, scalars + 1, z, 1);
  BOOST_TEST(y.host()[0] == 9.0f);
  BOOST_TEST(z.host()[0] == 18.0f);
}

BOOST_AUTO_TEST_CASE(beta_zero_overwrites_what_is_no_number) {
  const Blas blas;
  const DeviceArray<float> x(std::vector<float>{3}), y(1);  // y: fresh, NaN
  const float one = 1, zero = 0;
  cublasSgemm(blas, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, x, 1, x, 1, &zero, y, 1);
  BOOST_TEST(y.host()[0] == 9.0f);
}

BOOST_AUTO_TEST_CASE(wrong_arguments_have_their_statuses) {
  const Blas blas;
  const DeviceArray<float> x(std::vector<float>(64));
  const float one = 1, zero = 0;
  const auto gemm = [&](cublasHandle_t handle, int m, int lda) {
    return cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, m, 2, 2, &one, x, lda, x, 2, &zero, x, 8);
  };
  BOOST_TEST(gemm(nullptr, 2, 2) == CUBLAS_STATUS_NOT_INITIALIZED);
  BOOST_TEST(gemm(blas, -1, 2) == CUBLAS_STATUS_INVALID_VALUE);
  BOOST_TEST(gemm(blas, 4, 3) == CUBLAS_STATUS_INVALID_VALUE);
  BOOST_TEST(gemm(blas, 0, 1) == CUBLAS_STATUS_SUCCESS);
  BOOST_TEST(cublasSetWorkspace(blas, x + 1, 100) == CUBLAS_STATUS_INVALID_VALUE);
  BOOST_TEST(cublasSetWorkspace(blas, x, 256) == CUBLAS_STATUS_SUCCESS);
  BOOST_TEST(cublasGemmEx(blas, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, x, CUDA_R_32F, 1, x, CUDA_R_64F, 1, &zero, x,
                          CUDA_R_32F, 1, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT) == CUBLAS_STATUS_NOT_SUPPORTED);
  BOOST_TEST(std::string(cublasGetStatusName(CUBLAS_STATUS_INVALID_VALUE)) == "CUBLAS_STATUS_INVALID_VALUE");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham::emutest
