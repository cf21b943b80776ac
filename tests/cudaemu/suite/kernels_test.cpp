// Kernels of the kinds that the backend has give what plain loops give.
#include "tests/cudaemu/suite/kernels/kernels.h"

#include <cmath>
#include <vector>

#include "tests/cudaemu/emu.h"
#include "tests/cudaemu/suite/device_memory.h"
#include "tests/support.h"

namespace ockham::emutest {
namespace {

using Values = std::vector<float>;

Values add_relu_of(const Values& a, const Values& b) {
  Values y(a.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    y[i] = std::fmax(a[i] + b[i], 0.0f);
  return y;
}

Values depthwise_of(const Values& x, const Values& w, int planes, int channels, int height, int width, int k,
                    int dilation) {
  Values y(x.size());
  const auto at = [&](int plane, int row, int column) {
    return static_cast<std::size_t>((plane * height + row) * width + column);
  };
  for (int plane = 0; plane < planes; ++plane)
    for (int row = 0; row < height; ++row)
      for (int column = 0; column < width; ++column) {
        float sum = 0;
        for (int i = 0; i < k * k; ++i) {
          const int r = row + (i / k - k / 2) * dilation, c = column + (i % k - k / 2) * dilation;
          if (r >= 0 && r < height && c >= 0 && c < width)
            sum += x[at(plane, r, c)] * w[static_cast<std::size_t>(plane % channels * k * k + i)];
        }
        y[at(plane, row, column)] = sum;
      }
  return y;
}

BOOST_AUTO_TEST_SUITE(kernels)

BOOST_AUTO_TEST_CASE(grid_stride_and_vector_loads_are_exact) {
  const Values a = random_values(10008, 1), b = random_values(10008, 2);
  const DeviceArray<float> da(a), db(b), y(a.size()), z(a.size());
  launch(add_relu, {dim3(7), dim3(256)}, da, db, y, 10008);
  BOOST_TEST(y.host() == add_relu_of(a, b));
  launch(add_relu4, {blocks_for(2502, 256), dim3(256)}, reinterpret_cast<const float4*>(da.data()),
         reinterpret_cast<const float4*>(db.data()), reinterpret_cast<float4*>(z.data()), 2502);
  BOOST_TEST(z.host() == add_relu_of(a, b));
}

BOOST_AUTO_TEST_CASE(shuffles_and_barriers_sum_rows) {
  const Values x = random_values(37000, 3);
  Values sums(37);
  for (std::size_t i = 0; i < x.size(); ++i)
    sums[i / 1000] += x[i];
  const DeviceArray<float> dx(x), y(37);
  launch(row_sum, {dim3(37), dim3(256)}, dx, y, 1000);
  BOOST_TEST(difference(y.host(), sums) < 1e-4);
}

BOOST_AUTO_TEST_CASE(dynamic_shared_memory_holds_a_tree) {
  const Values x = random_values(5000, 4);
  Values sums(20);
  for (std::size_t i = 0; i < x.size(); ++i)
    sums[i / 256] += x[i];
  const DeviceArray<float> dx(x), y(20);
  launch(tree_sum, {dim3(20), dim3(256), 1024}, dx, y, 5000);
  BOOST_TEST(difference(y.host(), sums) < 1e-4);
}

BOOST_AUTO_TEST_CASE(tiles_with_halos_give_depthwise_convolutions) {
  const Values x = random_values(2 * 3 * 19 * 45, 5), w3 = random_values(27, 6), w5 = random_values(75, 7);
  const DeviceArray<float> dx(x), dw3(w3), dw5(w5), y(x.size()), z(x.size());
  launch(depthwise3, {dim3(2, 3, 6), dim3(32, 8)}, dx, dw3, y, 3, 19, 45);
  launch(depthwise5, {dim3(2, 3, 6), dim3(32, 8)}, dx, dw5, z, 3, 19, 45);
  BOOST_TEST(difference(y.host(), depthwise_of(x, w3, 6, 3, 19, 45, 3, 1)) < 1e-5);
  BOOST_TEST(difference(z.host(), depthwise_of(x, w5, 6, 3, 19, 45, 5, 2)) < 1e-5);
}

BOOST_AUTO_TEST_CASE(tiled_products_agree) {
  const Values a = random_values(50 * 29, 8), b = random_values(29 * 37, 9);
  Values c(50 * 37);
  for (std::size_t i = 0; i < 50; ++i)
    for (std::size_t j = 0; j < 37; ++j)
      for (std::size_t k = 0; k < 29; ++k)
        c[i * 37 + j] += a[i * 29 + k] * b[k * 37 + j];
  const DeviceArray<float> da(a), db(b), dc(c.size());
  launch(gemm16, {dim3(3, 4), dim3(16, 16)}, da, db, dc, 50, 37, 29);
  BOOST_TEST(difference(dc.host(), c) < 1e-4);
}

BOOST_AUTO_TEST_CASE(moments_of_channels_agree) {
  const Values x = random_values(4 * 5 * 77, 10);
  Values mean(5), variance(5);
  const auto each = [&](int channel, auto&& visit) {
    for (int n = 0; n < 4; ++n)
      for (int i = 0; i < 77; ++i)
        visit(x[static_cast<std::size_t>((n * 5 + channel) * 77 + i)]);
  };
  for (int channel = 0; channel < 5; ++channel) {
    double sum = 0, squares = 0;
    each(channel, [&](float v) { sum += static_cast<double>(v); });
    each(channel, [&](float v) { squares += std::pow(static_cast<double>(v) - sum / 308, 2); });
    mean[static_cast<std::size_t>(channel)] = static_cast<float>(sum / 308);
    variance[static_cast<std::size_t>(channel)] = static_cast<float>(squares / 308);
  }
  const DeviceArray<float> dx(x), dmean(5), dvariance(5);
  launch(batch_moments, {dim3(5), dim3(256)}, dx, dmean, dvariance, 4, 5, 77);
  BOOST_TEST(difference(dmean.host(), mean) < 1e-5);
  BOOST_TEST(difference(dvariance.host(), variance) < 1e-5);
}

BOOST_AUTO_TEST_CASE(arguments_may_fill_32764_bytes) {
  const Values x = random_values(256, 11);
  const DeviceArray<float> dx(x), y(256 * 1365);
  ManyScales many{};
  for (int i = 0; i < 1365; ++i)
    many.scales[i] = {dx, y + 256 * i, static_cast<float>(i), 256};
  static_assert(sizeof many == 32760);
  launch(scale_many, {dim3(1, 1365), dim3(256)}, many);
  many.scales[1364].factor = 5;  // the launch has its own copy
  const Values values = y.host();
  BOOST_TEST(values[256 * 1364 + 7] == 1364 * x[7]);
  BOOST_TEST(values[256 * 2 + 255] == 2 * x[255]);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham::emutest
