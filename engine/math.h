#pragma once
// All the arithmetic that autograd and optimisers need besides ops. Sums run over fixed chunks in fixed order, so their
// bits do not depend on the number of threads.
#include "engine/tensor.h"

namespace ockham {

void fill(Tensor& y, double value);
/// y = x, with conversion between dtypes and any strides on either side; shapes must be equal.
void copy(const Tensor& x, Tensor& y);
/// y += a * x; contiguous, same dtype and number of elements.
void axpy(double a, const Tensor& x, Tensor& y);
/// y *= a
void scale(Tensor& y, double a);
/// x times a factor per index of its dimension 1, factor [x.size(1)]; same float dtype, contiguous.
Tensor times_channels(const Tensor& x, const Tensor& factor);
/// Accumulated in double.
double sum(const Tensor& x);
double dot(const Tensor& x, const Tensor& y);
/// sum of x*y over each of `groups` equal consecutive parts, in double.
std::vector<double> grouped_dot(const Tensor& x, const Tensor& y, std::int64_t groups);
/// Largest |x|; NaN if any element is NaN.
double max_abs(const Tensor& x);
bool is_finite(const Tensor& x);

}  // namespace ockham
