#include "engine/cuda/planes.h"
#include "engine/device_math.h"

namespace ockham::cuda {

/// y += x_0, then x_1, ...
template <class T>
struct AddAll {
  static constexpr int kThreads = 256;
  static constexpr int kTerms = 16;
  std::int64_t n;
  int step, count;
  const T* x[kTerms] = {};
  T* y;
  std::int64_t blocks() const { return blocks_for(n, kThreads * step); }
  void operands(Operands& o) const {
    for (int k = 0; k < count; ++k)
      o.reads(x[k], n);
    o.writes(y, n);
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t at = (block * kThreads + threadIdx.x) * step;
    if (at >= n)
      return;
    Values<T> sum = load_values<T>(y, at, step > 1);
    for (int k = 0; k < count; ++k) {
      const Values<T> term = load_values<T>(x[k], at, step > 1);
      for (int i = 0; i < kWidth<T>; ++i)
        sum.at[i] += term.at[i];
    }
    store_values(y, at, sum, step > 1);
  }
};

namespace {

template <class T>
void add_some(std::span<const Tensor> x, Tensor& y) {
  AddAll<T> kernel{.n = y.numel(), .step = 1, .count = static_cast<int>(x.size()), .y = y.device_data<T>()};
  bool wide = is_wide<T>(kernel.n, kernel.y);
  for (std::size_t k = 0; k < x.size(); ++k) {
    kernel.x[k] = x[k].device_data<T>();
    wide = wide && is_wide<T>(kernel.n, kernel.x[k]);
  }
  kernel.step = wide ? kWidth<T> : 1;
  launch(kernel);
}

void add_all(std::span<const Tensor> x, Tensor& y) {
  visit_float(y.dtype(), "add_all", [&]<class T>() {
    constexpr std::size_t kTerms = AddAll<T>::kTerms;
    for (std::size_t k = 0; k < x.size(); k += kTerms)
      add_some<T>(x.subspan(k, std::min(kTerms, x.size() - k)), y);
  });
}

[[maybe_unused]] const bool registered = add_all_on.set(Device::Kind::kCuda, add_all);

}  // namespace
}  // namespace ockham::cuda
