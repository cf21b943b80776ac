#pragma once
// The vector loops of convolution by taps. Offsets are in elements; loops may run past n by less than kSlack elements,
// reading and writing what is there.
#include <cstdint>

namespace ockham::cpu {

/// out[i] = sum over t of weights[t] * in[offsets[t] + i], i < n.
template <class T>
void correlate(std::int64_t n, std::int64_t taps, const T* in, const std::int64_t* offsets, const T* weights, T* out);

/// out[i, j] = sum over t of weights[t] * in[offsets[t] + i pitch + j] for `rows` x `columns` outputs, stored without
/// gaps. flat: scratch of rows * pitch + kSlack elements, used where columns are no multiple of a short vector.
template <class T>
void correlate_rows(std::int64_t rows, std::int64_t columns, std::int64_t pitch, std::int64_t taps, const T* in,
                    const std::int64_t* offsets, const T* weights, T* flat, T* out);

/// The same for K x K weights in reading order whose taps lie `dilation` apart, the first at `in`: half the loads or
/// less. Only for fits_grid().
template <class T>
void correlate_grid(std::int64_t K, std::int64_t dilation, std::int64_t rows, std::int64_t columns, std::int64_t pitch,
                    const T* in, const T* weights, T* out);
inline bool fits_grid(std::int64_t R, std::int64_t S, std::int64_t dilation, std::int64_t rows, std::int64_t columns) {
  return R == S && (R == 3 || R == 5) && (dilation == 1 || dilation == 2) && rows % 8 == 0 && columns % 8 == 0;
}

/// out[t] = sum over i < n of y[i] * in[offsets[t] + i]; y is zero from n on.
template <class T>
void tap_dots(std::int64_t n, std::int64_t taps, const T* y, const T* in, const std::int64_t* offsets, T* out);

/// out[r K + s] = sum over i, j of y[i, j] * in[(i + r dilation) pitch + j + s dilation]: tap_dots() where fits_grid(),
/// y without gaps.
template <class T>
void tap_dots_grid(std::int64_t K, std::int64_t dilation, std::int64_t rows, std::int64_t columns, std::int64_t pitch,
                   const T* y, const T* in, T* out);

/// to[i, j] = beta * to[i, j] + from[i, j], touching nothing else; beta is 0 or 1.
template <class T>
void copy_rows(std::int64_t rows, std::int64_t columns, const T* from, std::int64_t from_pitch, T beta, T* to,
               std::int64_t to_pitch);

}  // namespace ockham::cpu
