#pragma once
// The running statistics of a batch norm: averages over the batches of training, by which others are normalised later.
#include "engine/per_device.h"
#include "engine/tensor.h"

namespace ockham {

struct RunningStatistics {
  Tensor& mean;      ///< [C]
  Tensor& variance;  ///< [C], unbiased
  Tensor& batches;   ///< int64 []: how many were taken in
};

/// running = (1 - momentum) running + momentum batch; counts the batch.
/// @param mean, variance [C] of a batch of `samples` values per channel, the variance biased; of the running ones'
/// dtype
///   and device
/// Ioffe and Szegedy 2015, arXiv:1502.03167, in PyTorch's form.
void update_running(RunningStatistics& running, const Tensor& mean, const Tensor& variance, std::int64_t samples,
                    double momentum);

/// What a backend registers. @param correction samples / (samples - 1), which makes the variance unbiased
inline constinit PerDevice<void(RunningStatistics&, const Tensor& mean, const Tensor& variance, double correction,
                                double momentum)>
    update_running_on{"update_running"};

}  // namespace ockham
