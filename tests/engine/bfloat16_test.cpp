#include "engine/bfloat16.h"

#include <cmath>
#include <limits>

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

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
