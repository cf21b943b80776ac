#pragma once
// A PairBlock by matrix tiles, two by two tiles of C at a time so that every tile loaded is used twice. `Tiles` is the
// set of eight tile registers: AmxTiles, the instructions, or the tests' model of them.
#include <algorithm>
#include <array>

#include "engine/cpu/pair_block.h"

namespace ockham::cpu {

/// The operand of LDTILECFG, palette 1.
struct alignas(64) TileConfig {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::array<std::uint8_t, 14> reserved{};
  std::array<std::uint16_t, 16> bytes_per_row{};
  std::array<std::uint8_t, 16> rows{};
};
static_assert(sizeof(TileConfig) == 64);

/// All eight tiles 16 rows of 64 bytes.
inline TileConfig whole_tile_config() {
  TileConfig config;
  for (std::size_t tile = 0; tile < 8; ++tile) {
    config.bytes_per_row[tile] = 64;
    config.rows[tile] = 16;
  }
  return config;
}

/// sums[32][32] = A B for rows m.. and columns n.. of the block; the second row or column of tiles only where kTall,
/// kWide.
template <bool kTall, bool kWide, class Tiles>
void multiply_tiles(Tiles& tiles, const PairBlock& p, std::int64_t m, std::int64_t n, float* sums) {
  constexpr std::int64_t kSumsRow = 2 * kTile * 4, kBRow = kPairColumns * 4;  // bytes
  const std::int64_t a_bytes = p.a_row * 4;
  tiles.template zero<0>();
  if constexpr (kWide)
    tiles.template zero<1>();
  if constexpr (kTall)
    tiles.template zero<2>();
  if constexpr (kTall && kWide)
    tiles.template zero<3>();
  for (std::int64_t k = 0; k < p.pairs; k += kTile) {
    tiles.template load<4>(p.a + m * p.a_row + k, a_bytes);
    tiles.template load<6>(p.b + k * kPairColumns + n, kBRow);
    tiles.template dot<0, 4, 6>();
    if constexpr (kWide) {
      tiles.template load<7>(p.b + k * kPairColumns + n + kTile, kBRow);
      tiles.template dot<1, 4, 7>();
    }
    if constexpr (kTall) {
      tiles.template load<5>(p.a + (m + kTile) * p.a_row + k, a_bytes);
      tiles.template dot<2, 5, 6>();
    }
    if constexpr (kTall && kWide)
      tiles.template dot<3, 5, 7>();
  }
  tiles.template store<0>(sums, kSumsRow);
  if constexpr (kWide)
    tiles.template store<1>(sums + kTile, kSumsRow);
  if constexpr (kTall)
    tiles.template store<2>(sums + kTile * 2 * kTile, kSumsRow);
  if constexpr (kTall && kWide)
    tiles.template store<3>(sums + kTile * 2 * kTile + kTile, kSumsRow);
}

template <class Tiles>
void tile_product(Tiles& tiles, const PairBlock& p) {
  static const TileConfig config = whole_tile_config();
  tiles.configure(config);
  alignas(64) float sums[4 * kTile * kTile];
  for (std::int64_t m = 0; m < p.M; m += 2 * kTile) {
    for (std::int64_t n = 0; n < p.columns; n += 2 * kTile) {
      const bool is_tall = p.M - m > kTile, is_wide = p.columns - n > kTile;
      if (is_tall && is_wide)
        multiply_tiles<true, true>(tiles, p, m, n, sums);
      else if (is_tall)
        multiply_tiles<true, false>(tiles, p, m, n, sums);
      else if (is_wide)
        multiply_tiles<false, true>(tiles, p, m, n, sums);
      else
        multiply_tiles<false, false>(tiles, p, m, n, sums);
      const std::int64_t rows = std::min(p.M - m, 2 * kTile), columns = std::min(p.columns - n, 2 * kTile);
      for (std::int64_t i = 0; i < rows; ++i) {
        float* const c = p.c + (m + i) * p.c_row + n;
        for (std::int64_t j = 0; j < columns; ++j)
          c[j] = (p.beta == 0.0f ? 0.0f : p.beta * c[j]) + sums[i * 2 * kTile + j];
      }
    }
  }
  tiles.release();
}

}  // namespace ockham::cpu
