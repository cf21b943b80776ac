#include "engine/gemm.h"

#include <cmath>
#include <limits>

#include "engine/random.h"
#include "tests/levels.h"

BOOST_AUTO_TEST_SUITE(gemm)
using namespace ockham;
using ockham::test::at_every_level;

namespace {

template <class T>
std::vector<T> values(std::int64_t count, std::uint64_t stream) {
  std::vector<T> result(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = static_cast<T>(normal({.seed = 1, .purpose = Purpose::kTest, .step = stream}, i));
  return result;
}

template <class T>
void check_close(const std::vector<T>& got, const std::vector<T>& want, std::int64_t K) {
  // Rounding errors of K random terms grow as sqrt(K); the factor covers the largest of thousands of entries.
  const double tolerance = 8 * std::sqrt(static_cast<double>(K) + 1) * std::numeric_limits<T>::epsilon();
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double w = static_cast<double>(want[i]);
    const double error = std::abs(static_cast<double>(got[i]) - w) / (1 + std::abs(w));
    if (!(error <= worst))  // also where it is NaN
      worst = error;
  }
  BOOST_TEST(worst <= tolerance);
}

template <class T>
void check(bool ta, bool tb, std::int64_t M, std::int64_t N, std::int64_t K, T beta) {
  const std::int64_t a_row = (ta ? M : K) + 3, b_row = (tb ? K : N) + 2, c_row = N + 1;
  const auto a = values<T>((ta ? K : M) * a_row, 1);
  const auto b = values<T>((tb ? N : K) * b_row, 2);
  auto c = values<T>(M * c_row, 3);
  auto want = c;
  ockham::gemm<T>(ta, tb, M, N, K, a.data(), a_row, b.data(), b_row, beta, c.data(), c_row);
  gemm_ref<T>(ta, tb, M, N, K, a.data(), a_row, b.data(), b_row, beta, want.data(), c_row);
  BOOST_TEST_CONTEXT("M " << M << " N " << N << " K " << K << " transposed " << ta << tb << " beta " << beta) {
    check_close(c, want, K);
  }
}

template <class T>
void sweep() {
  for (std::int64_t M : {1, 2, 5, 7, 13}) {
    for (std::int64_t N : {1, 3, 16, 31, 64, 70, 133}) {
      for (std::int64_t K : {1, 4, 19, 300}) {
        for (int transposes = 0; transposes < 4; ++transposes)
          check<T>(transposes & 1, transposes & 2, M, N, K, K == 4 ? T(-0.5) : K == 19 ? T(1) : T(0));
      }
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(equals_the_plain_loops_in_float32) {
  at_every_level([](std::string_view) { sweep<float>(); });
}

BOOST_AUTO_TEST_CASE(equals_the_plain_loops_in_float64) {
  at_every_level([](std::string_view) { sweep<double>(); });
}

BOOST_AUTO_TEST_CASE(zero_beta_does_not_read_c) {
  at_every_level([](std::string_view) {
    const std::vector<float> a(6, 1.0f), b(6 * 5, 2.0f);
    for (bool transpose_b : {false, true}) {
      std::vector<float> c(5, std::numeric_limits<float>::quiet_NaN());
      ockham::gemm<float>(false, transpose_b, 1, 5, 6, a.data(), 6, b.data(), transpose_b ? 6 : 5, 0.0f, c.data(), 5);
      BOOST_TEST(c == std::vector<float>(5, 12.0f), boost::test_tools::per_element());
    }
  });
}

BOOST_AUTO_TEST_CASE(nan_and_infinity_reach_the_rows_and_columns_they_belong_to_even_times_zero) {
  at_every_level([](std::string_view) {
    std::vector<float> a(2 * 3, 0.0f), b(3 * 20, 0.0f), c(2 * 20);
    a[1 * 3 + 2] = std::numeric_limits<float>::quiet_NaN();
    b[1 * 20 + 17] = std::numeric_limits<float>::infinity();
    ockham::gemm<float>(false, false, 2, 20, 3, a.data(), 3, b.data(), 20, 0.0f, c.data(), 20);
    for (std::size_t n = 0; n < 20; ++n) {
      BOOST_TEST(std::isnan(c[n]) == (n == 17));
      BOOST_TEST(std::isnan(c[20 + n]));
    }
  });
}

BOOST_AUTO_TEST_CASE(an_empty_sum_leaves_beta_times_c) {
  std::vector<double> c{1.0, 2.0, 3.0};
  ockham::gemm<double>(false, false, 1, 3, 0, nullptr, 0, nullptr, 3, 2.0, c.data(), 3);
  BOOST_TEST(c == (std::vector<double>{2.0, 4.0, 6.0}), boost::test_tools::per_element());
  ockham::gemm<double>(false, true, 1, 3, 0, nullptr, 0, nullptr, 0, 0.0, c.data(), 3);
  BOOST_TEST(c == (std::vector<double>{0.0, 0.0, 0.0}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(rows_of_b_may_overlap) {
  // A one-dimensional convolution: row k of B is the signal shifted by k.
  const std::vector<double> signal{1, 2, 4, 8, 16, 32, 64}, taps{1, -1, 3};
  const double* rows[] = {signal.data(), signal.data() + 1, signal.data() + 2};
  std::vector<double> y(5);
  gemm_rows<double>(1, 5, 3, taps.data(), 3, 1, rows, 0.0, y.data(), 5);
  BOOST_TEST(y == (std::vector<double>{11, 22, 44, 88, 176}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(transpose_of_an_odd_matrix) {
  const auto x = values<float>(19 * 40, 4);
  std::vector<float> y(37 * 21);
  transpose<float>(19, 37, x.data(), 40, y.data(), 21);
  for (std::size_t i = 0; i < 19; ++i) {
    for (std::size_t j = 0; j < 37; ++j)
      BOOST_REQUIRE_EQUAL(y[j * 21 + i], x[i * 40 + j]);
  }
}

BOOST_AUTO_TEST_CASE(an_unknown_instruction_set_is_refused_with_the_known_ones) {
  BOOST_CHECK_EXCEPTION(use_instruction_set("mmx"), UsageError, (ockham::test::Says{{"mmx", "sse4, avx2 or avx512"}}));
}

BOOST_AUTO_TEST_SUITE_END()
