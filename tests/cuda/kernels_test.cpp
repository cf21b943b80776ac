// What no op asks of kernels here. Places beyond 2^31 elements: one block of a map that large, at whose end alone there
// is memory, against the same block of a small map; an offset in 32 bits points elsewhere. And sums: behind others,
// beside others, longer than a block.
#include <algorithm>

#include "engine/cuda/reduce.h"
#include "engine/math.h"
#include "engine/random.h"
#include "ops/conv2d/cuda/conv2d_depthwise_cuda.h"
#include "ops/conv2d/cuda/conv2d_sums_cuda.h"
#include "ops/mix/mix_maps_cuda.h"
#include "ops/pool_passes_cuda.h"
#include "tests/cuda/device.h"

namespace ockham {
namespace cuda {

/// Block `number` of a kernel, alone.
template <class Kernel>
struct OneBlock {
  static constexpr int kThreads = Kernel::kThreads;
  Kernel kernel;
  std::int64_t number;
  std::int64_t blocks() const { return 1; }
  void operands(Operands&) const {}
  __device__ void operator()(std::int64_t) const { kernel(number); }
};

/// y[t] = what thread t gets as the total of n sums over the block, in the k-th of which every thread has k.
struct SumsInARow {
  static constexpr int kThreads = 128;
  int n;
  double* y;
  std::int64_t blocks() const { return 1; }
  void operands(Operands& o) const { o.writes(y, kThreads); }
  __device__ void operator()(std::int64_t) const {
    double total = 0.0;
    for (int k = 0; k < n; ++k)
      total += block_sum<kThreads>(static_cast<double>(k));
    y[threadIdx.x] = total;
  }
};

}  // namespace cuda

namespace {

constexpr std::int64_t kFar = std::int64_t{1} << 26;  // samples
constexpr int kC = 2, kSide = 8;
constexpr std::int64_t kSample = kC * kSide * kSide;

/// Where a map begins whose elements from `begin` on are these.
template <class T>
T* starting_before(T* data, std::int64_t begin) {
  return reinterpret_cast<T*>(reinterpret_cast<std::uintptr_t>(data) - static_cast<std::size_t>(begin) * sizeof(T));
}

/// What the last block of make(N, x, y) leaves in the last `samples` of y.
template <class Make>
std::vector<float> last_block(std::int64_t N, std::int64_t samples, Make make) {
  Tensor x({samples, kSample});
  fill_normal(x, {.seed = 5, .purpose = Purpose::kTest});
  x = x.to(test::kCuda);
  Tensor y = Tensor::zeros({samples, kSample}, DType::kFloat32, test::kCuda);
  const std::int64_t before = N - samples;
  const auto kernel = make(N, static_cast<const float*>(starting_before(x.device_data<float>(), before * kSample)),
                           starting_before(y.device_data<float>(), before * kSample));
  cuda::launch(cuda::OneBlock<std::decay_t<decltype(kernel)>>{kernel, kernel.blocks() - 1});
  const Tensor here = y.to(Device{});
  return {here.span<float>().begin(), here.span<float>().end()};
}

template <class Make>
void check_far(std::int64_t samples, Make make) {
  const std::vector<float> near = last_block(samples, samples, make);
  BOOST_TEST(std::ranges::any_of(near, [](float value) { return value != 0.0f; }));
  BOOST_TEST(last_block(kFar, samples, make) == near, boost::test_tools::per_element());
}

cuda::ConvSize size_of(std::int64_t N, int groups, int R) {
  return {1, static_cast<int>(N), kC, kSide, kSide, kC, R, R, kSide, kSide, 1, R / 2, 1, groups};
}

cuda::LoadedMap<float> map_of(std::int64_t N, const float* x) {
  return {x, nullptr, true, true, static_cast<int>(N), kC, kSide * kSide};
}

Tensor weights(std::int64_t n) {
  return Tensor::from<double>(std::vector<double>(static_cast<std::size_t>(n), 0.5), {n})
      .to(DType::kFloat32)
      .to(test::kCuda);
}

/// A node sum of one branch over maps of N samples.
template <class Kernel>
Kernel node_sum(std::int64_t N, const Tensor& alpha, const float* x) {
  constexpr std::int64_t kPlane = kSide * kSide;
  Kernel kernel{};
  kernel.tiling = cuda::tiling_of<float>(N * kC, kPlane, cuda::is_wide<float>(kPlane, x));
  kernel.of = {.count = 1, .missing_scale = 1.0f, .C = kC, .entries = 1, .D = 1, .alpha = alpha.device_data<float>()};
  return kernel;
}

/// Columns [first, first + count) of numbers [rows, columns], whose sums round.
Tensor columns_of(const Tensor& all, std::int64_t first, std::int64_t count) {
  return all.slice(1, first, first + count).contiguous().to(test::kCuda);
}

std::vector<double> numbers_of(const Tensor& t) {
  const Tensor here = t.to(Device{});
  return {here.span<double>().begin(), here.span<double>().end()};
}

/// sums_of(columns of [rows, 70]) has a sum for each: that of a column is the same to the bit if it is the only one.
template <class SumsOf>
void check_beside_others(std::int64_t rows, SumsOf sums_of) {
  Tensor all({rows, 70}, DType::kFloat64);
  fill_normal(all, {.seed = 7, .purpose = Purpose::kTest});
  const std::vector<double> together = sums_of(columns_of(all, 0, 70), 70);
  for (const std::int64_t column : {0, 1, 31, 32, 45, 69})
    BOOST_TEST(sums_of(columns_of(all, column, 1), 1)[0] == together[static_cast<std::size_t>(column)]);
}

BOOST_AUTO_TEST_SUITE(kernels)

OCKHAM_CUDA_TEST(depthwise_convolutions_reach_far) {
  const Tensor w = weights(kC * 9);
  check_far(4, [&](std::int64_t N, const float* x, float* y) {
    cuda::DepthwiseForward<cuda::LoadedMap<float>, float> kernel{size_of(N, kC, 3),      {}, {}, 0, map_of(N, x),
                                                                 w.device_data<float>(), y};
    BOOST_TEST(kernel.plan());
    return kernel;
  });
}

OCKHAM_CUDA_TEST(their_gradients_reach_far) {
  const Tensor w = weights(kC * 9);
  check_far(1, [&](std::int64_t N, const float* z_bar, float* x_bar) {
    using Cotangent = cuda::CotangentMap<float>;
    const cuda::ConvSize s = size_of(N, kC, 3);
    const cuda::PullPlan plan{.h = kSide,
                              .w = kSide,
                              .tiles_h = 1,
                              .tiles_w = 1,
                              .columns = kSide,
                              .lanes = 64,
                              .samples = 1,
                              .q_rows = kSide + 3,
                              .q_columns = kSide + 3,
                              .q_pitch = kSide + 3,
                              .q_lanes = 16};
    const Cotangent bar{z_bar, nullptr, nullptr, nullptr, nullptr, static_cast<int>(N), kC, kSide * kSide};
    return cuda::DepthwisePull<float, float, Cotangent, 5>{
        s, plan, map_of(N, z_bar), bar, w.device_data<float>(), x_bar, false, nullptr, nullptr};
  });
}

OCKHAM_CUDA_TEST(pools_reach_far) {
  check_far(8, [&](std::int64_t N, const float* x, float* y) {
    return cuda::PoolForward<float>{
        .outputs = {.planes = N * kC, .plane = cuda::Units(kSide * kSide), .by_columns = cuda::Divisor(kSide)},
        .windows = {.kernel = 3,
                    .stride = 1,
                    .pad = 1,
                    .H = kSide,
                    .W = kSide,
                    .P = kSide,
                    .Q = kSide,
                    .by_stride = cuda::Divisor(1)},
        .counts_padding = false,
        .x = x,
        .y = y,
        .taps = nullptr};
  });
}

OCKHAM_CUDA_TEST(node_sums_reach_far) {
  const Tensor alpha = weights(1);
  check_far(8, [&](std::int64_t N, const float* x, float* y) {
    auto kernel = node_sum<cuda::MixForward<float, float, float>>(N, alpha, x);
    kernel.z[0] = x;
    kernel.y = y;
    return kernel;
  });
  check_far(8, [&](std::int64_t N, const float* y_bar, float* z_bar) {
    auto kernel = node_sum<cuda::MixPull<float, float>>(N, alpha, y_bar);
    kernel.D = 1;
    kernel.y_bar = y_bar;
    kernel.z_bar[0] = z_bar;
    return kernel;
  });
}

OCKHAM_CUDA_TEST(sums_of_parts_have_the_same_bits_whatever_is_summed_beside_them) {
  const auto sums_of_parts = [](const Tensor& parts, std::int64_t n) {
    Tensor total({n}, DType::kFloat64, test::kCuda);
    cuda::sum_of_parts(parts.size(0), n, parts.device_data<double>(), false, total.device_data<double>());
    return numbers_of(total);
  };
  const auto sums_of_squares = [](const Tensor& parts, std::int64_t n) {
    Tensor total = Tensor::zeros({n}, DType::kFloat64, test::kCuda);
    cuda::launch(cuda::SumOfSquares<double>{7, 3, 2, n, parts.device_data<double>(), total.device_data<double>()});
    return numbers_of(total);
  };
  check_beside_others(19, sums_of_parts);
  check_beside_others(7 * 3 * 2, sums_of_squares);
}

OCKHAM_CUDA_TEST(rows_longer_than_a_block_are_summed_whole_and_each_as_if_alone) {
  Tensor rows({3, 700}, DType::kFloat64);
  fill_normal(rows, {.seed = 7, .purpose = Purpose::kTest});
  const auto sums_of = [](const Tensor& some) {
    Tensor totals({some.size(0)}, DType::kFloat64, test::kCuda);
    cuda::sum_rows(some.to(test::kCuda), totals);
    return numbers_of(totals);
  };
  const std::vector<double> totals = sums_of(rows);
  for (std::int64_t row = 0; row < 3; ++row) {
    const double total = totals[static_cast<std::size_t>(row)];
    BOOST_TEST(total == sum(rows.slice(0, row, row + 1)), boost::test_tools::tolerance(1e-12));
    BOOST_TEST(sums_of(rows.slice(0, row, row + 1))[0] == total);
  }
}

OCKHAM_CUDA_TEST(sums_over_a_block_may_follow_each_other) {
  Tensor y({cuda::SumsInARow::kThreads}, DType::kFloat64, test::kCuda);
  cuda::launch(cuda::SumsInARow{5, y.device_data<double>()});
  const Tensor here = y.to(Device{});
  BOOST_TEST(std::ranges::all_of(here.span<double>(), [](double sum) { return sum == 128.0 * (0 + 1 + 2 + 3 + 4); }));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
