// What device code calls does what CUDA's manual says, in every order of threads.
#include "tests/cudaemu/suite/kernels/intrinsics.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "tests/cudaemu/suite/device_memory.h"
#include "tests/cudaemu/suite/reports.h"

namespace ockham::emutest {
namespace {

/// Runs a body once per order of threads.
template <class Body>
void in_each_order(Body&& body) {
  for (const emu::Order order : {emu::Order::ascending, emu::Order::descending, emu::Order::random}) {
    emu::options().order = order;
    BOOST_TEST_CONTEXT("order " << static_cast<int>(order)) body();
  }
  emu::options().order = emu::Order::ascending;
}

template <class T>
std::vector<T> ramp(int count, auto&& value) {
  std::vector<T> values;
  for (int i = 0; i < count; ++i)
    values.push_back(static_cast<T>(value(i)));
  return values;
}

BOOST_AUTO_TEST_SUITE(intrinsics)

BOOST_AUTO_TEST_CASE(shuffles_stay_within_their_segments) {
  in_each_order([] {
    for (const int width : {32, 16, 8}) {
      const DeviceArray<int> out(std::size_t{4 * 64});
      launch(shuffles, {dim3(1), dim3(64)}, out.data(), width);
      const std::vector<int> got = out.host();
      for (int t = 0; t < 64; ++t) {
        const int begin = t / width * width;
        const auto of = [&](int source, bool inside) { return 100 + (inside ? source : t); };
        const int expected[4] = {of(begin + 3, true), of(t - 2, t - 2 >= begin), of(t + 5, t + 5 < begin + width),
                                 of(t ^ 9, (t ^ 9) < begin + width)};
        for (int i = 0; i < 4; ++i)
          BOOST_TEST(got[static_cast<std::size_t>(4 * t + i)] == expected[i], "width " << width << " thread " << t);
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(shuffles_take_eight_bytes) {
  const DeviceArray<double> sums(32);
  const DeviceArray<long long> counts(32);
  launch(wide_shuffles, {dim3(1), dim3(32)}, sums.data(), counts.data());
  for (const double sum : sums.host())
    BOOST_TEST(std::fabs(sum - 49.6) < 1e-12);
  BOOST_TEST(counts.host()[0] == 32ll << 40);
}

BOOST_AUTO_TEST_CASE(votes_are_counted_by_warp_and_by_block) {
  in_each_order([] {
    const DeviceArray<unsigned> out(std::size_t{4 * 64});
    launch(votes, {dim3(1), dim3(64)}, out.data());
    const std::vector<unsigned> got = out.host();
    for (std::size_t t = 0; t < 64; ++t) {
      BOOST_TEST(got[4 * t] == 0xaaaaaaaau);
      BOOST_TEST(got[4 * t + 1] == 1u);
      BOOST_TEST(got[4 * t + 2] == 1u);
      BOOST_TEST(got[4 * t + 3] == (t % 32 < 16 ? 0xfff0u : 0u));
    }
    for (const int limit : {0, 40, 64}) {
      const DeviceArray<int> of_block(std::size_t{3 * 64});
      launch(block_votes, {dim3(1), dim3(64)}, of_block.data(), limit);
      const std::vector<int> counts = of_block.host();
      for (std::size_t t = 0; t < 64; ++t) {
        BOOST_TEST(counts[3 * t] == (limit == 64 ? 1 : 0));
        BOOST_TEST(counts[3 * t + 1] == (limit > 0 ? 1 : 0));
        BOOST_TEST(counts[3 * t + 2] == limit);
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(atomics_combine_all_threads) {
  in_each_order([] {
    const DeviceArray<int> cells(std::vector<int>(4));
    const DeviceArray<unsigned> masks(std::vector<unsigned>{0, ~0u, 0});
    const DeviceArray<unsigned long long> wide(std::vector<unsigned long long>(2));
    launch(atomics, {dim3(2), dim3(64)}, cells.data(), masks.data(), wide.data());
    BOOST_TEST(cells.host() == (std::vector<int>{2 * 2016, 63, -63, -256}));
    BOOST_TEST(masks.host() == (std::vector<unsigned>{~0u, 0xffff0000u, 128 % 10}));
    BOOST_TEST(wide.host() == (std::vector<unsigned long long>{128ull << 33, 77}));
    const DeviceArray<unsigned> most(std::vector<unsigned>{0});
    launch(maximum_by_cas, {dim3(1), dim3(64)}, most.data());
    BOOST_TEST(most.host()[0] == 63u * 63u);
  });
}

BOOST_AUTO_TEST_CASE(every_thread_of_a_three_dimensional_launch_runs_once) {
  in_each_order([] {
    const DeviceArray<unsigned> out(std::size_t{12 * 30 * 24});
    launch(positions, {dim3(5, 2, 3), dim3(4, 3, 2)}, out.data());
    const std::vector<unsigned> got = out.host();
    std::set<std::vector<unsigned>> seen;
    for (std::size_t i = 0; i < got.size(); i += 12) {
      const std::vector<unsigned> place(got.begin() + static_cast<std::ptrdiff_t>(i),
                                        got.begin() + static_cast<std::ptrdiff_t>(i + 12));
      const std::vector<unsigned> limits{5, 2, 3, 4, 3, 2}, sizes{4, 3, 2, 5, 2, 3};
      for (std::size_t k = 0; k < 6; ++k) {
        BOOST_TEST(place[k] < limits[k]);
        BOOST_TEST(place[6 + k] == sizes[k]);
      }
      seen.insert(place);
    }
    BOOST_TEST(seen.size() == 30u * 24u);
  });
}

BOOST_AUTO_TEST_CASE(bfloat16_rounds_after_each_step) {
  const std::vector<float> a{1.0f, 1.0078125f, 3.0e38f, -0.1f}, b{1.00390625f, 1.0078125f, 2.0f, 7.3f};
  const DeviceArray<float> da(a), db(b), in_float(4);
  const DeviceArray<__nv_bfloat16> stepwise(4);
  launch(bfloat16_steps, {dim3(1), dim3(4)}, da.data(), db.data(), stepwise.data(), in_float.data());
  const auto round = [](float x) { return static_cast<float>(__nv_bfloat16(x)); };
  const std::vector<__nv_bfloat16> got = stepwise.host();
  const std::vector<float> floats = in_float.host();
  for (std::size_t i = 0; i < 4; ++i) {
    BOOST_TEST(static_cast<float>(got[i]) == round(round(round(a[i]) * round(b[i])) + round(a[i])));
    BOOST_TEST(floats[i] == round(a[i]) * round(b[i]) + round(a[i]));
  }
  BOOST_TEST(round(1.00390625f) == 1.0f);       // halfway: to even
  BOOST_TEST(round(1.01171875f) == 1.015625f);  // halfway: to even
  BOOST_TEST(std::isnan(static_cast<float>(__nv_bfloat16(std::nanf("")))));
}

BOOST_AUTO_TEST_CASE(integer_and_float_functions_agree_with_the_host) {
  const std::vector<unsigned> x{1, 0x80000000u, 0xdeadbeefu, 0}, y{5, 3, 0xffffffffu, 9};
  const DeviceArray<unsigned> dx(x), dy(y), out(std::size_t{28});
  launch(integer_functions, {dim3(1), dim3(4)}, dx.data(), dy.data(), out.data());
  const std::vector<unsigned> got = out.host();
  const std::vector<unsigned> of_third(got.begin() + 14, got.begin() + 21);
  BOOST_TEST(of_third == (std::vector<unsigned>{24, 0, 1, 0xf77db57bu, 0xdeadbeeeu, 0xdeadbeefu, 0xffffffffu}));
  const std::vector<unsigned> of_last(got.begin() + 21, got.end());
  BOOST_TEST(of_last == (std::vector<unsigned>{0, 32, 0, 0, 0, 0, 9}));

  const DeviceArray<float> da(std::vector<float>{4, 0.25f}), db(std::vector<float>{1, std::nanf("")});
  const DeviceArray<float> results(std::size_t{12});
  launch(float_functions, {dim3(1), dim3(2)}, da.data(), db.data(), results.data());
  const std::vector<float> f = results.host();
  BOOST_TEST(f[0] == 0.5f);
  BOOST_TEST(f[1] == std::exp(1.0f));
  BOOST_TEST(f[2] == 0.25f);
  BOOST_TEST(f[3] == 5.0f);
  BOOST_TEST(f[10] == 0.25f);  // the number beside a NaN
  BOOST_TEST(f[11] == 0.25f);
}

BOOST_AUTO_TEST_CASE(barriers_hold_for_all_orders_of_threads) {
  in_each_order([] {
    const DeviceArray<int> out(256);
    launch(prefix_sums, {dim3(1), dim3(256)}, out.data());
    BOOST_TEST(out.host() == ramp<int>(256, [](int i) { return i * (i + 1) / 2; }));
  });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham::emutest
