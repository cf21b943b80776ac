#pragma once
// The arithmetic of math.h on other devices than the CPU: what a backend registers. Arguments are checked by the
// functions of math.h, which call these; all tensors of a call lie on one device.
#include <span>
#include <vector>

#include "engine/per_device.h"
#include "engine/tensor.h"

namespace ockham {

inline constinit PerDevice<void(Tensor& y, double value)> fill_on{"fill"};
inline constinit PerDevice<void(const Tensor& x, Tensor& y)> copy_on{"copy"};
inline constinit PerDevice<void(double a, const Tensor& x, Tensor& y)> axpy_on{"axpy"};
/// y += x_0, then x_1, ...: all float32 or all float64, of one shape, row-major.
inline constinit PerDevice<void(std::span<const Tensor> x, Tensor& y)> add_all_on{"add_all"};
inline constinit PerDevice<void(Tensor& y, double a)> scale_on{"scale"};
inline constinit PerDevice<void(const Tensor& x, const Tensor& factor, Tensor& y)> times_channels_on{"times_channels"};
inline constinit PerDevice<double(const Tensor& x)> sum_on{"sum"};
inline constinit PerDevice<std::vector<double>(const Tensor& x, const Tensor& y, std::int64_t groups)> grouped_dot_on{
    "dot"};
inline constinit PerDevice<double(const Tensor& x)> max_abs_on{"max_abs"};

}  // namespace ockham
