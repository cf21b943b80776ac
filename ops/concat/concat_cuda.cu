#include <type_traits>

#include "autograd/device_passes.h"
#include "engine/cuda/launch.h"
#include "engine/cuda/units.h"
#include "ops/concat/concat_op.h"

namespace ockham::cuda {

/// Parts of y, of which a launch serves eight neighbours. kJoins: y = the parts, zeros where one is null. Else the way
/// back: part (+)= its elements of y.
template <class T, bool kJoins>
struct ConcatParts {
  static constexpr int kThreads = 256;
  static constexpr int kPerThread = 4;
  static constexpr std::int64_t kPerBlock = kThreads * kPerThread;
  static constexpr int kMost = 8;
  struct Part {
    std::conditional_t<kJoins, const T, T>* data;
    std::int64_t begin;  ///< in the elements of this launch
    std::int64_t size;
    bool adds;
  };
  std::int64_t samples;
  Units together;              ///< elements of a sample in these parts
  std::int64_t sample, first;  ///< of y: elements of a sample, and the first of these parts
  int count;
  Part parts[kMost];
  std::conditional_t<kJoins, T, const T>* y;

  std::int64_t blocks() const {
    return blocks_for(samples * (parts[count - 1].begin + parts[count - 1].size), kPerBlock);
  }
  void operands(Operands& o) const {
    for (int k = 0; k < count; ++k) {
      if constexpr (kJoins)
        o.reads(parts[k].data, samples * parts[k].size);
      else
        o.writes(parts[k].data, samples * parts[k].size);
    }
    if constexpr (kJoins)
      o.writes(y, samples * sample);
    else
      o.reads(y, samples * sample);
  }
  __device__ void operator()(std::int64_t block) const {
    const Units::Place start = together.at(block * kPerBlock);
    for (int k = 0; k < kPerThread; ++k) {
      const Units::Place place = together.after(start, k * kThreads + threadIdx.x);
      if (place.unit < samples)
        move(place.unit, place.within);
    }
  }
  __device__ void move(std::int64_t n, std::int64_t within) const {
    int k = 0;
    while (k + 1 < count && within >= parts[k + 1].begin)
      ++k;
    const Part& part = parts[k];
    const std::int64_t in_y = n * sample + first + within;
    const std::int64_t in_part = n * part.size + within - part.begin;
    if constexpr (kJoins) {
      y[in_y] = part.data != nullptr ? part.data[in_part] : T(0);
    } else if (part.data != nullptr) {
      part.data[in_part] = part.adds ? part.data[in_part] + y[in_y] : y[in_y];
    }
  }
};

class ConcatCuda : public DevicePasses {
 public:
  bool forward(const Op&, Inputs x, Outputs y, Saved& saved) const override {
    for (const Tensor& part : x)
      saved.keep(Tensor(part.shape().with(0, 0), part.dtype(), part.device()));
    join(saved, x, y[0]);
    return true;
  }
  bool vjp(const Op&, const Saved& saved, std::int64_t, Inputs y_bar, std::span<GradSlot> x_bar) const override {
    visit_float(y_bar[0].dtype(), "concat", [&]<class T>() {
      launch_all<ConcatParts<T, false>>(saved, y_bar[0].shape(), y_bar[0].device_data<T>(), [&](std::size_t i) {
        return std::pair(x_bar[i] ? x_bar[i].dst->template device_data<T>() : nullptr, x_bar[i].accumulate);
      });
    });
    return true;
  }
  bool jvp(const Op&, const Saved& saved, std::int64_t, Inputs x_dot, Outputs y_dot) const override {
    join(saved, x_dot, y_dot[0]);
    return true;
  }

 private:
  static void join(const Saved& saved, Inputs x, Tensor& y) {
    visit_float(y.dtype(), "concat", [&]<class T>() {
      launch_all<ConcatParts<T, true>>(saved, y.shape(), y.device_data<T>(), [&](std::size_t i) {
        return std::pair(x[i] ? x[i].template device_data<T>() : nullptr, false);
      });
    });
  }

  /// `part` gives the elements of part i, null for none, and whether to add to them.
  template <class Kernel, class Element, class GetPart>
  static void launch_all(const Saved& saved, const Shape& y_shape, Element* y, GetPart part) {
    const std::int64_t sample = y_shape.with(0, 1).numel();
    std::int64_t first = 0;
    for (std::size_t i = 0; i < saved.tensors.size();) {
      typename Kernel::Part parts[Kernel::kMost] = {};
      int count = 0;
      std::int64_t size = 0;
      for (; count < Kernel::kMost && i < saved.tensors.size(); ++count, ++i) {
        const auto [data, adds] = part(i);
        parts[count] = {data, size, saved[i].shape().with(0, 1).numel(), adds};
        size += parts[count].size;
      }
      Kernel kernel{.samples = y_shape[0],
                    .together = Units(size),
                    .sample = sample,
                    .first = first,
                    .count = count,
                    .parts = {},
                    .y = y};
      std::copy_n(parts, count, kernel.parts);
      launch(kernel);
      first += size;
    }
  }
};

OCKHAM_CUDA_PASSES(concat, ConcatOp, ConcatCuda);

}  // namespace ockham::cuda
