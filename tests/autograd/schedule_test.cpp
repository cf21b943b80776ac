#include "autograd/optim/schedule.h"

#include <cmath>

#include "tests/support.h"

using ockham::Schedule;

namespace {

constexpr double kExact = 1e-15;

}  // namespace

BOOST_AUTO_TEST_SUITE(schedule)

BOOST_AUTO_TEST_CASE(constant_stays) {
  const Schedule s{.initial = 0.3};
  BOOST_TEST(s.at(0) == 0.3);
  BOOST_TEST(s.at(1000) == 0.3);
}

// DARTS searches with 0.025 -> 0.001 over 50 epochs; the last epoch does not quite reach the end.
BOOST_AUTO_TEST_CASE(cosine_of_the_darts_search_ends_at_1_023679e_03) {
  const Schedule s{.kind = Schedule::Kind::kCosine, .initial = 0.025, .final = 0.001, .epochs = 50};
  BOOST_TEST(s.at(0) == 0.025);
  BOOST_TEST(std::abs(s.at(25) - 0.013) < kExact);
  BOOST_TEST(std::abs(s.at(49) - 1.023679e-03) < 5e-10);
  BOOST_TEST(s.at(50) == 0.001);
  BOOST_TEST(s.at(60) == 0.001);  // no new rise after the end
}

BOOST_AUTO_TEST_CASE(cosine_of_length_zero_or_one_is_defined) {
  const Schedule s{.kind = Schedule::Kind::kCosine, .initial = 0.1, .epochs = 0};
  BOOST_TEST(s.at(0) == 0.1);
  BOOST_TEST(std::abs(s.at(1)) < kExact);
}

BOOST_AUTO_TEST_CASE(exponential_falls_by_a_factor_each_epoch) {
  const Schedule s{.kind = Schedule::Kind::kExponential, .initial = 0.1, .factor = 0.97};
  BOOST_TEST(s.at(0) == 0.1);
  BOOST_TEST(std::abs(s.at(2) - 0.1 * 0.97 * 0.97) < kExact);
}

BOOST_AUTO_TEST_CASE(steps_fall_every_so_many_epochs) {
  const Schedule s{.kind = Schedule::Kind::kStep, .initial = 1.0, .factor = 0.1, .every = 30};
  BOOST_TEST(s.at(29) == 1.0);
  BOOST_TEST(std::abs(s.at(30) - 0.1) < kExact);
  BOOST_TEST(std::abs(s.at(89) - 0.01) < kExact);
}

BOOST_AUTO_TEST_CASE(a_line_falls_in_equal_steps_after_the_warm_up) {
  const Schedule s{.kind = Schedule::Kind::kLinear, .initial = 0.5, .final = 0.1, .epochs = 10, .warmup_epochs = 2};
  BOOST_TEST(std::abs(s.at(0) - 0.25) < kExact);
  BOOST_TEST(s.at(2) == 0.5);
  BOOST_TEST(std::abs(s.at(6) - 0.3) < kExact);
  BOOST_TEST(std::abs(s.at(10) - 0.1) < kExact);
  BOOST_TEST(std::abs(s.at(12) - 0.1) < kExact);
}

BOOST_AUTO_TEST_CASE(one_cycle_rises_to_its_peak_and_falls_within_epochs_too) {
  const Schedule s{.kind = Schedule::Kind::kOneCycle, .initial = 1.0, .final = 0.1, .epochs = 8, .peak = 0.25};
  BOOST_TEST(std::abs(s.at(0) - 0.2) < kExact);
  BOOST_TEST(std::abs(s.at(0, 0.5) - 0.4) < kExact);
  BOOST_TEST(s.at(2) == 1.0);
  BOOST_TEST(std::abs(s.at(4, 0.5) - (0.1 + 0.9 * 3.5 / 6.0)) < kExact);
  BOOST_TEST(std::abs(s.at(8) - 0.1) < kExact);
  const Schedule other{.kind = Schedule::Kind::kCosine, .initial = 1.0, .epochs = 8};
  BOOST_TEST(other.at(3, 0.7) == other.at(3));
}

BOOST_AUTO_TEST_CASE(warm_up_rises_in_equal_steps_and_then_the_schedule_begins) {
  const Schedule s{.kind = Schedule::Kind::kCosine, .initial = 0.4, .final = 0.0, .epochs = 14, .warmup_epochs = 4};
  BOOST_TEST(std::abs(s.at(0) - 0.1) < kExact);
  BOOST_TEST(std::abs(s.at(3) - 0.4) < kExact);
  BOOST_TEST(s.at(4) == 0.4);
  BOOST_TEST(std::abs(s.at(9) - 0.2) < kExact);  // half of the 10 epochs left
  BOOST_TEST(s.at(14) == 0.0);
}

BOOST_AUTO_TEST_SUITE_END()
