// Running statistics on the GPU: one launch a norm, which a recorded step puts together.
#include "engine/cuda/launch.h"
#include "ops/batch_norm/running.h"

namespace ockham::cuda {

template <class T>
struct UpdateRunning {
  static constexpr int kThreads = 128;
  std::int64_t C;
  T keep, mean_share, variance_share;
  const T* batch_mean;
  const T* batch_variance;
  T* mean;
  T* variance;
  std::int64_t* batches;

  std::int64_t blocks() const { return blocks_for(C, kThreads); }
  void operands(Operands& o) const {
    o.reads(batch_mean, C);
    o.reads(batch_variance, C);
    o.writes(mean, C);
    o.writes(variance, C);
    o.writes(batches, 1);
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t c = block * kThreads + threadIdx.x;
    if (c == 0)
      ++*batches;
    if (c >= C)
      return;
    mean[c] = keep * mean[c] + mean_share * batch_mean[c];
    variance[c] = keep * variance[c] + variance_share * batch_variance[c];
  }
};

static void update_running_statistics(RunningStatistics& running, const Tensor& mean, const Tensor& variance,
                                      double correction, double momentum) {
  visit_float(running.mean.dtype(), "update_running", [&]<class T>() {
    launch(UpdateRunning<T>{running.mean.numel(), static_cast<T>(1.0 - momentum), static_cast<T>(momentum),
                            static_cast<T>(momentum * correction), mean.device_data<T>(), variance.device_data<T>(),
                            running.mean.device_data<T>(), running.variance.device_data<T>(),
                            running.batches.device_data<std::int64_t>()});
  });
}

[[maybe_unused]] static const bool running_registered =
    update_running_on.set(Device::Kind::kCuda, update_running_statistics);

}  // namespace ockham::cuda
