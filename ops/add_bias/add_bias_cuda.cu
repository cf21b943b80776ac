#include "autograd/device_passes.h"
#include "engine/cuda/map.h"
#include "engine/cuda/units.h"
#include "engine/math.h"
#include "ops/add_bias/add_bias_op.h"
#include "ops/diagonal_cuda.h"

namespace ockham::cuda {

/// y[d, n, c, i] = x[d, n, c, i] + b[d, c]; a null x or b is zero.
template <class T>
struct AddChannels {
  static constexpr int kThreads = 256;
  static constexpr int kPerThread = 4;
  static constexpr std::int64_t kPerBlock = kThreads * kPerThread;
  std::int64_t n;       ///< elements of all directions
  std::int64_t planes;  ///< of one direction
  std::int64_t C;
  std::int64_t biases;  ///< elements of b
  Units plane;
  const T* x;
  const T* b;
  T* y;

  std::int64_t blocks() const { return blocks_for(n, kPerBlock); }
  void operands(Operands& o) const {
    o.reads(x, n);
    o.reads(b, biases);
    o.writes(y, n);
  }
  __device__ void operator()(std::int64_t block) const {
    const Units::Place start = plane.at(block * kPerBlock);
    T value[kPerThread] = {};
    for (int k = 0; k < kPerThread; ++k) {
      const std::int64_t i = block * kPerBlock + k * kThreads + threadIdx.x;
      if (i >= n)
        continue;
      if (x != nullptr)
        value[k] = x[i];
      if (b != nullptr) {
        const std::int64_t p = plane.after(start, k * kThreads + threadIdx.x).unit;
        value[k] += b[p / planes * C + p % C];
      }
    }
    for (int k = 0; k < kPerThread; ++k) {
      const std::int64_t i = block * kPerBlock + k * kThreads + threadIdx.x;
      if (i < n)
        y[i] = value[k];
    }
  }
};

/// parts[d, c, p] = the sum of channel c over the p-th few samples of direction d.
template <class T>
struct BiasPieces {
  static constexpr int kThreads = 256;
  static constexpr std::int64_t kAbout = 4096;  ///< elements for a block
  std::int64_t D, samples, C, plane;
  std::int64_t few;  ///< samples a block
  const T* g;
  double* parts;

  static std::int64_t few_of(std::int64_t plane) {
    return std::max<std::int64_t>(1, kAbout / std::max<std::int64_t>(1, plane));
  }
  std::int64_t blocks() const { return blocks_for(samples, few) * D * C; }
  void operands(Operands& o) const {
    o.reads(g, D * samples * C * plane);
    o.writes(parts, blocks());
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t pieces = blocks_for(samples, few);
    const std::int64_t c = block / pieces % C;
    const std::int64_t d = block / (pieces * C);
    const std::int64_t first = block % pieces * few;
    const std::int64_t count = samples - first < few ? samples - first : few;
    const T* const from = g + ((d * samples + first) * C + c) * plane;
    double total = 0.0;
    for (std::int64_t i = threadIdx.x; i < count * plane; i += kThreads)
      total += static_cast<double>(from[i / plane * C * plane + i % plane]);
    total = block_sum<kThreads>(total);
    if (threadIdx.x == 0)
      parts[block] = total;
  }
};

class AddBiasCuda : public DevicePasses {
 public:
  bool forward(const Op&, Inputs x, Outputs y, Saved&) const override {
    add_channels(1, x[0], x[1], y[0]);
    return true;
  }

  bool vjp(const Op&, const Saved&, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override {
    if (x_bar[0])
      x_bar[0].add(y_bar[0]);
    if (x_bar[1])
      add_channel_sums(D, y_bar[0], x_bar[1]);
    return true;
  }

  bool jvp(const Op&, const Saved&, std::int64_t D, Inputs x_dot, Outputs y_dot) const override {
    add_channels(D, x_dot[0], x_dot[1], y_dot[0]);
    return true;
  }

  bool weight_diagonal(const Op&, const Saved&, std::int64_t, Inputs y_bar, std::size_t input, Grouping,
                       Tensor& H) const override {
    if (input != 1)
      return false;
    const Tensor& g = y_bar[0];
    const std::int64_t plane = plane_of(g);
    Tensor sums({g.size(0), g.size(1)}, DType::kFloat64, g.device());
    if (plane == 1)
      copy(g.reshape(sums.shape()), sums);
    else
      visit_float(g.dtype(), "add_bias",
                  [&]<class T>() { sum_rows(sums_of<T>(sums.numel(), plane, Itself{}, g), sums); });
    add_squares(sums, H);
    return true;
  }

 private:
  static std::int64_t plane_of(const Tensor& x) { return x.shape().with(0, 1).with(1, 1).numel(); }

  static void add_channels(std::int64_t D, const Tensor& x, const Tensor& b, Tensor& y) {
    const std::int64_t C = y.size(1);
    visit_float(y.dtype(), "add_bias", [&]<class T>() {
      launch(AddChannels<T>{.n = y.numel(),
                            .planes = y.size(0) / D * C,
                            .C = C,
                            .biases = D * C,
                            .plane = Units(plane_of(y)),
                            .x = x ? x.device_data<T>() : nullptr,
                            .b = b ? b.device_data<T>() : nullptr,
                            .y = y.device_data<T>()});
    });
  }

  static void add_channel_sums(std::int64_t D, const Tensor& g, const GradSlot& b_bar) {
    const std::int64_t samples = g.size(0) / D, C = g.size(1), plane = plane_of(g);
    visit_float(g.dtype(), "add_bias", [&]<class T>() {
      const std::int64_t few = BiasPieces<T>::few_of(plane);
      Tensor parts({D * C, blocks_for(samples, few)}, DType::kFloat64, g.device());
      launch(BiasPieces<T>{.D = D,
                           .samples = samples,
                           .C = C,
                           .plane = plane,
                           .few = few,
                           .g = g.device_data<T>(),
                           .parts = parts.device_data<double>()});
      sum_rows(parts, *b_bar.dst, b_bar.accumulate);
    });
  }
};

OCKHAM_CUDA_PASSES(add_bias, AddBias, AddBiasCuda);

}  // namespace ockham::cuda
