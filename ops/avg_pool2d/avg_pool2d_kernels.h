#pragma once
// The vector loops of average pooling, over `planes` planes that lie one after another. weights: [P, Q], the factor of
// every element in each window.
#include "ops/pool.h"

namespace ockham::cpu {

/// y = weights * (sum of each window of x)
template <class T>
void avg_pool(const PoolPlane& plane, std::int64_t planes, const T* weights, const T* x, T* y);

/// The transpose: x_bar (+)= the sum of weights * y_bar over the windows that hold an element.
template <class T>
void avg_pool_spread(const PoolPlane& plane, std::int64_t planes, const T* weights, const T* y_bar, bool adds,
                     T* x_bar);

}  // namespace ockham::cpu
