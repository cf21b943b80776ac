#include "ops/batch_norm/running.h"

#include "engine/math.h"

namespace ockham {

void update_running(RunningStatistics& running, const Tensor& mean, const Tensor& variance, std::int64_t samples,
                    double momentum) {
  const double correction = samples > 1 ? static_cast<double>(samples) / static_cast<double>(samples - 1) : 1.0;
  if (const Device device = running.mean.device(); !device.is_cpu())
    return update_running_on(device, running, mean, variance, correction, momentum);
  scale(running.mean, 1.0 - momentum);
  axpy(momentum, mean, running.mean);
  scale(running.variance, 1.0 - momentum);
  axpy(momentum * correction, variance, running.variance);
  ++*running.batches.data<std::int64_t>();
}

}  // namespace ockham
