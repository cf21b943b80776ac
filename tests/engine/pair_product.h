#pragma once
// Products of bfloat16 numbers against plain loops in double.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "engine/bfloat16.h"
#include "engine/cpu/pair_block.h"
#include "engine/random.h"
#include "engine/tensor.h"

namespace ockham::test {

inline float rounded(float x) {
  return static_cast<float>(BFloat16(x));
}

inline Tensor noise(const Shape& shape, std::uint64_t step) {
  Tensor t(shape);
  fill_normal(t, {.seed = 3, .purpose = Purpose::kTest, .step = step});
  return t;
}

/// A product with padding round C that must not be touched.
struct Product {
  Product(std::int64_t M_, std::int64_t N_, std::int64_t K_)
      : M(M_), N(N_), K(K_), a(noise({M, K}, 0)), b(noise({K, N}, 1)), c(noise({M, N + 3}, 2)) {
    for (std::int64_t k = 0; k < K; ++k)
      b_rows.push_back(b.data<float>() + k * N);
  }
  cpu::PackedProblem problem(float beta, ScratchScope& scratch) {
    return {pack_bf16(M, K, a.data<float>(), K, 1, scratch), N, b_rows.data(), beta, c.data<float>(), N + 3};
  }
  /// Largest |c - expected| over what float32 sums of K exact products may be off by.
  double error_of(float beta, const Tensor& before) const {
    double worst = 0.0;
    for (std::int64_t m = 0; m < M; ++m) {
      for (std::int64_t n = 0; n < N + 3; ++n) {
        const double old = before.data<float>()[m * (N + 3) + n];
        double sum = n < N ? beta * old : old, size = std::abs(sum);
        for (std::int64_t k = 0; n < N && k < K; ++k) {
          const double term = double(rounded(a.data<float>()[m * K + k])) * rounded(b.data<float>()[k * N + n]);
          sum += term;
          size += std::abs(term);
        }
        const double bound = static_cast<double>(K + 1) * 0x1p-24 * size + 1e-30;
        worst = std::max(worst, std::abs(c.data<float>()[m * (N + 3) + n] - sum) / (n < N ? bound : 1e-30));
      }
    }
    return worst;
  }

  std::int64_t M, N, K;
  Tensor a, b, c;
  std::vector<const float*> b_rows;
};

// Rows, columns and depth that fill registers, tiles and blocks, and that leave one or some over.
inline const std::int64_t kSizes[][3] = {{1, 1, 1},     {2, 5, 3},      {6, 64, 32},   {13, 63, 31},
                                         {16, 16, 16},  {17, 65, 33},   {36, 100, 7},  {33, 129, 70},
                                         {5, 48, 1030}, {48, 200, 513}, {31, 32, 512}, {4, 17, 544}};

inline void check_kernel(cpu::PairKernel kernel) {
  for (const auto& [M, N, K] : kSizes) {
    for (const float beta : {0.0f, 1.0f}) {
      Product product(M, N, K);
      const Tensor before = product.c.clone();
      ScratchScope scratch;
      cpu::run(product.problem(beta, scratch), kernel);
      BOOST_TEST(product.error_of(beta, before) <= 1.0, "M " << M << " N " << N << " K " << K << " beta " << beta);
    }
  }
}

}  // namespace ockham::test
