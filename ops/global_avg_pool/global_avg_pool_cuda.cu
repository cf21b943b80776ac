#include "autograd/op_classes_cuda.h"
#include "engine/cuda/planes.h"
#include "ops/global_avg_pool/global_avg_pool_op.h"

namespace ockham::cuda {

/// y = the mean of each plane, a warp to a plane.
template <class T>
struct PlaneMeans {
  static constexpr int kThreads = 256;
  std::int64_t planes, size;
  const T* x;
  T* y;
  std::int64_t blocks() const { return blocks_for(planes, kThreads / 32); }
  void operands(Operands& o) const {
    o.reads(x, planes * size);
    o.writes(y, planes);
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t plane = block * (kThreads / 32) + threadIdx.x / 32;
    if (plane >= planes)
      return;  // a whole warp
    double total = 0.0;
    for (std::int64_t i = threadIdx.x % 32; i < size; i += 32)
      total += static_cast<double>(x[plane * size + i]);
    total = warp_sum(total);
    if (threadIdx.x % 32 == 0)
      y[plane] = static_cast<T>(total / static_cast<double>(size));
  }
};

/// x_bar (+)= factor * y_bar of its plane.
template <class T>
struct SpreadOverPlanes {
  static constexpr int kThreads = PlaneTiling::kThreads;
  PlaneTiling tiling;
  T factor;
  bool adds;
  const T* y_bar;
  T* x_bar;
  std::int64_t blocks() const { return tiling.blocks(); }
  void operands(Operands& o) const {
    o.reads(y_bar, tiling.planes);
    o.writes(x_bar, tiling.planes * tiling.P);
  }
  __device__ void operator()(std::int64_t block) const {
    const PlaneTiling::Place place = tiling.place(block);
    if (!place.is_inside)
      return;
    const std::int64_t at = place.plane * tiling.P + place.at;
    Values<T> result{};
    if (adds)
      result = load_values<T>(x_bar, at, tiling.wide());
    const T value = factor * y_bar[place.plane];
    for (T& element : result.at)
      element += value;
    store_values(x_bar, at, result, tiling.wide());
  }
};

class GlobalAvgPoolCuda : public LinearCuda<GlobalAvgPool> {
 protected:
  void apply(const GlobalAvgPool& op, const Saved&, std::int64_t, const Tensor& x, Tensor& y) const override {
    visit_float(x.dtype(), op.name(), [&]<class T>() {
      launch(PlaneMeans<T>{.planes = x.size(0) * x.size(1),
                           .size = x.size(2) * x.size(3),
                           .x = x.device_data<T>(),
                           .y = y.device_data<T>()});
    });
  }
  void transpose(const GlobalAvgPool& op, const Saved&, std::int64_t, const Tensor& y_bar,
                 GradSlot x_bar) const override {
    Tensor& to = *x_bar.dst;
    visit_float(to.dtype(), op.name(), [&]<class T>() {
      T* const data = to.device_data<T>();
      const std::int64_t size = to.size(2) * to.size(3);
      launch(SpreadOverPlanes<T>{.tiling = tiling_of<T>(to.size(0) * to.size(1), size, is_wide<T>(size, data)),
                                 .factor = static_cast<T>(1.0 / static_cast<double>(size)),
                                 .adds = x_bar.accumulate,
                                 .y_bar = y_bar.device_data<T>(),
                                 .x_bar = data});
    });
  }
};

OCKHAM_CUDA_PASSES(global_avg_pool, GlobalAvgPool, GlobalAvgPoolCuda);

}  // namespace ockham::cuda
