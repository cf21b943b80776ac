// Products of bfloat16 numbers with float32 sums: every kernel against plain loops.
#include "engine/gemm_bf16.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "engine/bfloat16.h"
#include "engine/cpu/amx.h"
#include "engine/cpu/pair_block.h"
#include "engine/random.h"
#include "engine/simd.h"
#include "engine/tensor.h"
#include "tests/engine/pair_product.h"
#include "tests/levels.h"

using namespace ockham;
using cpu::PairKernel;
using test::check_kernel;
using test::Product;

namespace {

/// The tile registers and their instructions in plain loops, as Intel's manual defines them: TDPBF16PS multiplies row m
/// of A with the pairs that row k of B interleaves.
struct ModelTiles {
  void configure(const cpu::TileConfig& config) {
    BOOST_REQUIRE(config.palette == 1);
    for (std::size_t t = 0; t < 8; ++t)
      BOOST_REQUIRE((config.rows[t] == 16 && config.bytes_per_row[t] == 64));
    is_configured = true;
  }
  void release() { is_configured = false; }
  template <int kTo>
  void zero() {
    BOOST_REQUIRE(is_configured);
    std::fill_n(&tiles[kTo][0][0], 256, 0u);
  }
  template <int kTo>
  void load(const void* from, std::int64_t row_bytes) {
    for (std::int64_t r = 0; r < 16; ++r)
      std::memcpy(tiles[kTo][r], static_cast<const char*>(from) + r * row_bytes, 64);
  }
  template <int kC, int kA, int kB>
  void dot() {
    for (int m = 0; m < 16; ++m) {
      for (int k = 0; k < 16; ++k) {
        for (int n = 0; n < 16; ++n) {
          auto sum = std::bit_cast<float>(tiles[kC][m][n]);
          for (const int shift : {16, 0})
            sum += upper(tiles[kA][m][k] << shift) * upper(tiles[kB][k][n] << shift);
          tiles[kC][m][n] = std::bit_cast<std::uint32_t>(sum);
        }
      }
    }
  }
  template <int kFrom>
  void store(void* to, std::int64_t row_bytes) {
    for (std::int64_t r = 0; r < 16; ++r)
      std::memcpy(static_cast<char*>(to) + r * row_bytes, tiles[kFrom][r], 64);
  }
  static float upper(std::uint32_t word) { return std::bit_cast<float>(word & 0xffff0000u); }

  bool is_configured = false;
  std::uint32_t tiles[8][16][16];
};

}  // namespace

BOOST_AUTO_TEST_SUITE(gemm_bf16)

BOOST_AUTO_TEST_CASE(fma_at_every_level_is_a_float32_sum_of_exact_products) {
  test::at_every_level([](std::string_view) { check_kernel(PairKernel::kSplit); });
}

BOOST_AUTO_TEST_CASE(avx512_is_a_float32_sum_of_exact_products) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bf16") && std::string_view(instruction_set()) == "AVX3")
    return check_kernel(PairKernel::kVectors);
#endif
  test::skip("this processor has no AVX512_BF16");
}

BOOST_AUTO_TEST_CASE(tile_product_multiplies_a_block_on_the_model_of_the_tiles) {
  for (const std::int64_t M : {1, 16, 17, 32, 36, 50}) {
    for (const std::int64_t columns : {1, 16, 30, 33, 64}) {
      for (const std::int64_t K : {2, 31, 32, 33, 72}) {
        Product product(M, columns, K);
        const Tensor before = product.c.clone();
        ScratchScope scratch;
        const cpu::PackedProblem problem = product.problem(1.0f, scratch);
        const std::int64_t pairs = (K + 1) / 2;
        // What lies right of the columns is arbitrary; what lies below the pairs is zero.
        std::vector<std::uint32_t> b(static_cast<std::size_t>(cpu::whole_tiles(pairs) * cpu::kPairColumns), 0u);
        std::fill_n(b.begin(), pairs * cpu::kPairColumns, 0x7fc07fc0u);
        for (std::int64_t k = 0; k < pairs; ++k) {
          for (std::int64_t n = 0; n < columns; ++n) {
            const auto bits = [&](std::int64_t row) {
              return row < K ? std::uint32_t{BFloat16(product.b_rows[static_cast<std::size_t>(row)][n]).bits} : 0u;
            };
            b[static_cast<std::size_t>(k * cpu::kPairColumns + n)] = bits(2 * k) | bits(2 * k + 1) << 16;
          }
        }
        ModelTiles tiles;
        cpu::tile_product(
            tiles, {M, columns, pairs, problem.a.pairs, problem.a.row, b.data(), 1.0f, problem.c, problem.c_row});
        BOOST_TEST(product.error_of(1.0f, before) <= 1.0, "M " << M << " columns " << columns << " K " << K);
        BOOST_TEST(!tiles.is_configured);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(not_a_number_and_infinity_reach_their_sums_only) {
  Product product(3, 20, 5);
  product.b.data<float>()[2 * 20 + 7] = std::numeric_limits<float>::quiet_NaN();
  product.b.data<float>()[1 * 20 + 9] = std::numeric_limits<float>::infinity();
  ScratchScope scratch;
  const cpu::PackedProblem p = product.problem(0.0f, scratch);
  gemm_rows_bf16(p.a, p.N, p.b_rows, 0.0f, p.c, p.c_row);
  for (std::int64_t m = 0; m < 3; ++m) {
    for (std::int64_t n = 0; n < 20; ++n) {
      const float c = product.c.data<float>()[m * 23 + n];
      BOOST_TEST((n == 7 ? std::isnan(c) : n == 9 ? std::isinf(c) : std::isfinite(c)));
    }
  }
}

BOOST_AUTO_TEST_CASE(transposed_matrices_pack_to_the_same_pairs) {
  const Tensor a = test::noise({5, 7}, 0);
  const Tensor t = a.transpose(0, 1).contiguous();
  ScratchScope scratch;
  const PackedMatrix rows = pack_bf16(5, 7, a.data<float>(), 7, 1, scratch);
  const PackedMatrix columns = pack_bf16(5, 7, t.data<float>(), 1, 5, scratch);
  BOOST_TEST(std::equal(rows.pairs, rows.pairs + 5 * rows.row, columns.pairs));
}

BOOST_AUTO_TEST_CASE(a_named_level_rules_out_tiles_and_what_lies_above_it_and_says_so) {
  test::at_every_level([](std::string_view level) {
    const std::string kernel = gemm_bf16_kernel();
    BOOST_TEST(kernel.find("amx: OCKHAM_ISA names a level") != std::string::npos, kernel);
    if (level != "avx512")
      BOOST_TEST(kernel.starts_with("fma; amx: OCKHAM_ISA names a level; avx512: it is not there, or"), kernel);
  });
}

BOOST_AUTO_TEST_CASE(without_a_named_level_the_kernel_is_told_with_the_reasons_against_better_ones) {
  const test::LevelScope scope("");
  const std::string kernel = gemm_bf16_kernel();
  const std::string obstacle =
      std::string_view(instruction_set()) == "AVX3" ? cpu::amx_obstacle() : "there is no AVX-512";
  BOOST_TEST((kernel == "amx" || kernel.find("amx: " + obstacle) != std::string::npos), kernel);
}

BOOST_AUTO_TEST_SUITE_END()
