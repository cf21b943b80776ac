#include "engine/bfloat16.h"

#include <cmath>
#include <limits>
#include <vector>

#include "tests/support.h"

namespace ockham {
namespace {

float rounded(float value) {
  return static_cast<float>(BFloat16(value));
}

BOOST_AUTO_TEST_SUITE(bfloat16)

BOOST_AUTO_TEST_CASE(values_with_eight_significant_bits_are_kept) {
  for (float value : {0.0f, 1.0f, -1.5f, 255.0f, 0x1.fep127f, -0x1.02p-126f})
    BOOST_TEST(rounded(value) == value);
  BOOST_TEST(std::signbit(rounded(-0.0f)));
}

BOOST_AUTO_TEST_CASE(others_go_to_the_nearest) {
  BOOST_TEST(rounded(0x1.02ffp0f) == 0x1.02p0f);
  BOOST_TEST(rounded(0x1.0301p0f) == 0x1.04p0f);
}

BOOST_AUTO_TEST_CASE(ties_go_to_the_even_neighbour) {
  BOOST_TEST(rounded(0x1.01p0f) == 1.0f);
  BOOST_TEST(rounded(0x1.03p0f) == 0x1.04p0f);
  BOOST_TEST(rounded(-0x1.01p0f) == -1.0f);
}

BOOST_AUTO_TEST_CASE(rounding_up_carries_into_the_exponent_and_to_infinity) {
  BOOST_TEST(rounded(0x1.ffp0f) == 2.0f);
  BOOST_TEST(rounded(std::numeric_limits<float>::max()) == std::numeric_limits<float>::infinity());
}

BOOST_AUTO_TEST_CASE(infinity_and_nan_stay_what_they_are) {
  const float infinity = std::numeric_limits<float>::infinity();
  BOOST_TEST(rounded(-infinity) == -infinity);
  BOOST_TEST(std::isnan(rounded(std::numeric_limits<float>::quiet_NaN())));
  // A NaN whose kept bits are all zero would turn into infinity if they were merely cut.
  BOOST_TEST(std::isnan(rounded(std::bit_cast<float>(0x7f800001u))));
}

BOOST_AUTO_TEST_CASE(every_bfloat16_survives_the_way_through_float32_by_vectors) {
  std::vector<BFloat16> all(1 << 16), back(1 << 16);
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i].bits = static_cast<std::uint16_t>(i);
  std::vector<float> wide(all.size());
  convert(1 << 16, all.data(), wide.data());
  convert(1 << 16, wide.data(), back.data());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool is_nan = (i & 0x7f80) == 0x7f80 && (i & 0x7f) != 0;
    // A signalling NaN becomes a quiet one.
    BOOST_REQUIRE(back[i].bits == (is_nan ? i | 0x40 : i));
    BOOST_REQUIRE((std::bit_cast<std::uint32_t>(wide[i]) == i << 16));
  }
}

BOOST_AUTO_TEST_CASE(vectors_round_to_the_nearest_of_two_neighbours_and_ties_to_even) {
  std::vector<float> between;  // just below, at and just above the middle of each pair of neighbours
  for (std::uint32_t bits = 0; bits < 0x7f80; ++bits) {
    for (const std::uint32_t dropped : {0x0001u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu})
      between.push_back(std::bit_cast<float>(bits << 16 | dropped));
  }
  std::vector<BFloat16> rounded_all(between.size());
  convert(static_cast<std::int64_t>(between.size()), between.data(), rounded_all.data());
  for (std::size_t i = 0; i < between.size(); ++i) {
    const std::uint32_t lower = std::bit_cast<std::uint32_t>(between[i]) >> 16;
    const bool goes_up = i % 5 > 2 || (i % 5 == 2 && lower % 2 == 1);
    BOOST_REQUIRE(rounded_all[i].bits == lower + (goes_up ? 1 : 0));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
