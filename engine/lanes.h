#pragma once
// Reductions in double over plain arrays, on the calling thread: sixteen partial sums side by side, because one alone
// would wait for each addition and the compiler may not reorder additions itself. The order is fixed, so the bits are.
#include <cstdint>

namespace ockham {

/// sum_i x_i; T is float or double.
template <class T>
double lane_sum(std::int64_t n, const T* x);
/// sum_i x_i * y_i
template <class T>
double lane_dot(std::int64_t n, const T* x, const T* y);

}  // namespace ockham
