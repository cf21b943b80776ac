#pragma once
// The transforms of Winograd's minimal filtering (Winograd 1980, "Arithmetic Complexity of Computations", V; for
// networks Lavin and Gray 2016, arXiv:1509.09308). An output tile of m x m needs r x r taps and inputs of m + r - 1
// along an axis: both sides become polynomials at as many points, 0, 1, -1, 2, -2, of eight also 1/2 and -1/2, and
// infinity, where a convolution is a product by element. Which of m and r belongs to outputs and which to the other
// factor does not matter: gradients of weights have r x r outputs and m x m "taps". float32 loses about one digit
// against a direct sum; with eight points the error of 5x5 taps is 1.7 times that with six.
#include <cstdint>

#include "ops/conv2d/conv2d_kernels.h"

namespace ockham::cpu {

/// Channels that are transformed side by side, whatever the instruction set; arrays are padded to a multiple.
inline constexpr std::int64_t kWinogradLanes = 16;

enum class WinogradMap {
  kInputs,   ///< [points, points] -> [points, points], B^T d B
  kFilters,  ///< [n, n] -> [points, points], G g G^T
  kOutputs,  ///< [points, points] -> [n, n], A^T v A
};
/// Along an axis.
struct WinogradSides {
  int points;  ///< 6 or 8
  int n;       ///< 2 to 5; ignored by kInputs
};

/// Where the elements of tiles are: lanes of element e of tile t at t row + offsets[t table + e].
struct WinogradPlaces {
  const std::int32_t* offsets;
  std::int64_t table;  ///< 0: the same offsets for every tile
  std::int64_t row;
};

/// 3x3 or 5x5 taps, a stride that divides the dilation, one group, padding within the kernel's reach, offsets of 32
/// bits.
bool takes_winograd(const Conv2dSize& size);

/// Maps tiles [0, count).
template <class T>
void winograd_map(WinogradMap map, WinogradSides sides, std::int64_t count, const T* from,
                  const WinogradPlaces& from_places, T* to, const WinogradPlaces& to_places);

}  // namespace ockham::cpu
