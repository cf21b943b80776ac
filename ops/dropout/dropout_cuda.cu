// dropout, channel_dropout and drop_path: one type of op.
#include "autograd/op_classes_cuda.h"
#include "engine/cuda/units.h"
#include "ops/dropout/drop_op.h"

namespace ockham::cuda {

/// y (+)= x / (1 - p) where kept, else 0, even for a NaN in x. kDraws: what is kept is drawn, and written to `kept`.
template <class T, bool kDraws>
struct Drop {
  static constexpr int kThreads = 256;
  static constexpr int kPerThread = 4;
  static constexpr std::int64_t kPerBlock = kThreads * kPerThread;
  std::int64_t D, n;
  Units unit;
  std::int64_t units;
  DropNumbers numbers;
  std::uint8_t* kept;  ///< read only, unless kDraws
  const T* x;
  T* y;
  bool adds;

  std::int64_t blocks() const { return D * blocks_for(n, kPerBlock); }
  void operands(Operands& o) const {
    o.reads(numbers.moving, 2);
    if constexpr (kDraws)
      o.writes(kept, units);
    else
      o.reads(kept, units);
    o.reads(x, D * n);
    o.writes(y, D * n);
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t pieces = blocks_for(n, kPerBlock);
    const std::int64_t d = block / pieces;
    const std::int64_t first = block % pieces * kPerBlock;
    const Units::Place start = unit.at(first);
    const T scale = static_cast<T>(numbers.boost());
    T value[kPerThread] = {};
    T old[kPerThread] = {};
    for (int k = 0; k < kPerThread; ++k) {
      const std::uint32_t distance = k * kThreads + threadIdx.x;
      if (first + distance >= n)
        continue;
      value[k] = x[d * n + first + distance];
      if (adds)
        old[k] = y[d * n + first + distance];
      if (!is_kept(unit.after(start, distance)))
        value[k] = T(0);
    }
    for (int k = 0; k < kPerThread; ++k) {
      const std::uint32_t distance = k * kThreads + threadIdx.x;
      if (first + distance < n)
        y[d * n + first + distance] = old[k] + scale * value[k];
    }
  }
  __device__ bool is_kept(const Units::Place& place) const {
    if constexpr (kDraws) {
      const bool keeps = numbers.keeps(place.unit);
      if (place.within == 0)
        kept[place.unit] = keeps ? 1 : 0;
      return keeps;
    } else {
      return kept[place.unit] != 0;
    }
  }
};

class DropCuda : public LinearCuda<DropOp> {
 public:
  bool forward(const Op& base, Inputs x, Outputs y, Saved& saved) const override {
    const auto& op = static_cast<const DropOp&>(base);
    Tensor kept({op.units_of(x[0].shape())}, DType::kUInt8, x[0].device());
    drop<true>(op, kept, 1, x[0], y[0], false);
    saved.keep(kept);
    return true;
  }

 protected:
  void apply(const DropOp& op, const Saved& saved, std::int64_t D, const Tensor& x, Tensor& y) const override {
    drop<false>(op, saved[0], D, x, y, false);
  }
  void transpose(const DropOp& op, const Saved& saved, std::int64_t D, const Tensor& y_bar,
                 GradSlot x_bar) const override {
    drop<false>(op, saved[0], D, y_bar, *x_bar.dst, x_bar.accumulate);
  }

 private:
  template <bool kDraws>
  static void drop(const DropOp& op, Tensor kept, std::int64_t D, const Tensor& x, Tensor& y, bool adds) {
    const std::int64_t n = x.numel() / D;
    visit_float(x.dtype(), op.name(), [&]<class T>() {
      launch(Drop<T, kDraws>{.D = D,
                             .n = n,
                             .unit = Units(n / std::max<std::int64_t>(1, kept.numel())),
                             .units = kept.numel(),
                             .numbers = op.numbers(x.device()),
                             .kept = kept.device_data<std::uint8_t>(),
                             .x = x.device_data<T>(),
                             .y = y.device_data<T>(),
                             .adds = adds});
    });
  }
};

OCKHAM_CUDA_PASSES(dropout, DropOp, DropCuda);

}  // namespace ockham::cuda
