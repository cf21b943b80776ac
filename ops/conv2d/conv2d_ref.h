#pragma once
#include "ops/conv2d/conv2d_kernels.h"

namespace ockham::cpu {

/// Convolution by its definition: seven loops and one multiply-add, in double. The specification of the other kernels.
template <class T>
Conv2dKernel<T> reference_conv2d();

}  // namespace ockham::cpu
