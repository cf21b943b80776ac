#include "engine/random.h"

#include <cmath>
#include <set>

#include "engine/error.h"
#include "engine/parallel.h"
#include "tests/engine/files.h"
#include "tests/support.h"

namespace ockham {
namespace {

using Words = std::array<std::uint32_t, 4>;

bool gives(Words counter, std::array<std::uint32_t, 2> key, Words expected) {
  return philox(counter, key) == expected;
}

struct Moments {
  double mean = 0.0;
  double variance = 0.0;
  double fourth = 0.0;
};

Moments moments(const Tensor& x) {
  const auto n = static_cast<double>(x.numel());
  Moments m;
  for (double v : x.span<double>())
    m.mean += v / n;
  for (double v : x.span<double>()) {
    m.variance += std::pow(v - m.mean, 2) / n;
    m.fourth += std::pow(v - m.mean, 4) / n;
  }
  return m;
}

BOOST_AUTO_TEST_SUITE(random)

// Random123's kat_vectors for philox4x32 with 10 rounds.
BOOST_AUTO_TEST_CASE(philox_reproduces_the_published_vectors) {
  BOOST_TEST(gives({0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t kOnes = 0xffffffff;
  BOOST_TEST(gives({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  BOOST_TEST(gives({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0},
                   {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

BOOST_AUTO_TEST_CASE(every_part_of_the_address_matters) {
  const RandomKey base{.seed = 1, .purpose = Purpose::kTest, .step = 2};
  std::set<std::uint64_t> seen{random_bits(base, 0), random_bits(base, 1), random_bits(base, std::uint64_t{1} << 32)};
  for (std::uint64_t seed : {2ull, 1ull | 1ull << 32})
    seen.insert(random_bits({.seed = seed, .purpose = Purpose::kTest, .step = 2}, 0));
  for (Purpose purpose : {Purpose::kInit, Purpose::kDropout, Purpose::kProbe})
    seen.insert(random_bits({.seed = 1, .purpose = purpose, .step = 2}, 0));
  for (std::uint64_t step : {3ull, 2ull + (1ull << 16), 2ull + (1ull << 32), 2ull + (1ull << 48)})
    seen.insert(random_bits({.seed = 1, .purpose = Purpose::kTest, .step = step}, 0));
  BOOST_TEST(seen.size() == 12u);
}

BOOST_AUTO_TEST_CASE(numbers_do_not_depend_on_the_order_in_which_they_are_drawn) {
  const RandomKey key{.seed = 7};
  Tensor x({100}, DType::kFloat64);
  fill_uniform(x, key, 0.0, 1.0);
  for (std::uint64_t i = 100; i-- > 0;)
    BOOST_TEST_REQUIRE(x.data<double>()[i] == uniform(key, i));
}

BOOST_AUTO_TEST_CASE(filling_gives_the_same_bits_at_any_number_of_threads) {
  const RandomKey key{.seed = 7};
  const int before = thread_count();
  Tensor alone({50'001});
  Tensor shared({50'001});
  set_thread_count(1);
  fill_normal(alone, key);
  set_thread_count(4);
  fill_normal(shared, key);
  set_thread_count(before);
  BOOST_TEST(test::is_same(alone, shared));
}

// Standard errors at 2e5 draws: mean of a uniform 6e-4, of a normal 2e-3, variance of a normal 3e-3, fourth moment
// 2e-2. The numbers are fixed by the seed; bounds of five standard errors say that they are not odd.
BOOST_AUTO_TEST_CASE(moments_are_those_of_the_distributions) {
  Tensor x({200'000}, DType::kFloat64);
  fill_uniform(x, {.seed = 11}, -1.0, 3.0);
  const Moments u = moments(x);
  BOOST_TEST(std::abs(u.mean - 1.0) < 0.013);
  BOOST_TEST(std::abs(u.variance - 16.0 / 12.0) < 0.015);
  fill_normal(x, {.seed = 12}, 2.0, 0.5);
  const Moments n = moments(x);
  BOOST_TEST(std::abs(n.mean - 2.0) < 0.006);
  BOOST_TEST(std::abs(n.variance - 0.25) < 0.004);
  BOOST_TEST(std::abs(n.fourth - 3.0 * 0.0625) < 0.007);
}

BOOST_AUTO_TEST_CASE(uniform_numbers_stay_below_one) {
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    const double u = uniform({.seed = 13}, i);
    BOOST_TEST_REQUIRE((u >= 0.0 && u < 1.0));
  }
}

BOOST_AUTO_TEST_CASE(bounded_numbers_reach_every_outcome_equally_often) {
  std::array<int, 7> counts{};
  for (std::uint64_t i = 0; i < 70'000; ++i)
    ++counts[random_below({.seed = 17}, i, 7)];
  for (int count : counts)
    BOOST_TEST(std::abs(count - 10'000) < 500);  // five standard deviations of 93
  BOOST_TEST(random_below({.seed = 17}, 0, 1) == 0u);
  BOOST_CHECK_THROW(random_below({.seed = 17}, 0, 0), Error);
}

BOOST_AUTO_TEST_CASE(bounds_that_do_not_divide_the_range_have_no_bias) {
  // Of 2^64 values a bound of 3 * 2^62 maps a quarter twice; without redrawing, half of the outcomes would lie in the
  // first third.
  constexpr std::uint64_t kThird = std::uint64_t{1} << 62;
  int low = 0;
  for (std::uint64_t i = 0; i < 30'000; ++i)
    low += random_below({.seed = 19}, i, 3 * kThird) < kThird;
  BOOST_TEST(std::abs(low - 10'000) < 410);  // five standard deviations of 82
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
