#pragma once
// The transforms of Winograd's minimal filtering (Winograd 1980, "Arithmetic Complexity of Computations", V; for
// networks Lavin and Gray 2016, arXiv:1509.09308). An output tile of m x m needs r x r taps and 6 x 6 inputs, m + r =
// 7: both sides become polynomials at the points 0, 1, -1, 2, -2 and infinity, where a convolution is a product by
// element. Which of m and r belongs to outputs and which to the other factor does not matter: gradients of weights have
// r x r outputs and m x m "taps". float32 loses about one digit against a direct sum.
#include <cstdint>

#include "ops/conv2d/conv2d_kernels.h"

namespace ockham::cpu {

inline constexpr int kWinogradPoints = 6;                                    ///< along an axis
inline constexpr int kWinogradElements = kWinogradPoints * kWinogradPoints;  ///< of a transformed tile
/// Channels that are transformed side by side, whatever the instruction set; arrays are padded to a multiple.
inline constexpr std::int64_t kWinogradLanes = 16;

enum class WinogradMap {
  kInputs,   ///< [6, 6] -> [6, 6], B^T d B
  kFilters,  ///< [n, n] -> [6, 6], G g G^T
  kOutputs,  ///< [6, 6] -> [n, n], A^T v A
};

/// Where the elements of tiles are: lanes of element e of tile t at t row + offsets[t table + e].
struct WinogradPlaces {
  const std::int32_t* offsets;
  std::int64_t table;  ///< 0: the same offsets for every tile
  std::int64_t row;
};

/// 3x3 or 5x5 taps, stride 1, one group, padding within the kernel's reach, offsets of 32 bits.
bool takes_winograd(const Conv2dSize& size);

/// Maps tiles [0, count). n: 2 to 5, ignored by kInputs.
template <class T>
void winograd_map(WinogradMap map, int n, std::int64_t count, const T* from, const WinogradPlaces& from_places, T* to,
                  const WinogradPlaces& to_places);

}  // namespace ockham::cpu
