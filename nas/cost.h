#pragma once
// What a network costs: parameters and multiply-accumulates, counted from what it really records.
#include <cstdint>
#include <functional>

#include "autograd/module.h"

namespace ockham::nas {

/// Multiply-accumulates of convolutions and linear layers in everything on the tape.
std::int64_t count_macs(const Tape& tape);

/// Those of one image: runs `forward` on a zero image [1, channels, size, size] in evaluation mode.
/// @param dtype, device of the network's weights
std::int64_t count_macs(const std::function<Variable(const Context&, const Variable&)>& forward, std::int64_t channels,
                        std::int64_t size, DType dtype = DType::kFloat32, Device device = {});

/// Milliseconds of a pass in evaluation mode over `images`, until its result is on the host: the median of seven after
/// one that is not counted. Of this machine and its kernels as they are now: two calls differ.
double latency_ms(const std::function<Variable(const Context&, const Variable&)>& forward, const Tensor& images);

}  // namespace ockham::nas
