#include "nas/rank_correlation.h"

#include <cmath>

#include "tests/support.h"

using namespace ockham::nas;

BOOST_AUTO_TEST_SUITE(rank_correlation)

BOOST_AUTO_TEST_CASE(equal_rankings_agree_opposite_ones_do_not_and_ties_share_places) {
  const std::vector<double> up{1, 2, 3, 4}, down{9, 7, 5, 3}, tied{1, 2, 2, 3};
  BOOST_TEST(spearman(up, up) == 1.0);
  BOOST_TEST(kendall(up, down) == -1.0);
  BOOST_TEST(mean_ranks(tied) == (std::vector<double>{0, 1.5, 1.5, 3}), boost::test_tools::per_element());
  BOOST_TEST(kendall(up, tied) == 5.0 / std::sqrt(6.0 * 5.0), boost::test_tools::tolerance(1e-12));
  BOOST_TEST(std::isnan(spearman(up, std::vector<double>{1, 1, 1, 1})));
}

BOOST_AUTO_TEST_CASE(what_is_no_number_is_worst_and_ends) {
  const std::vector<double> scores{3, NAN, 2, NAN}, truth{4, 1, 3, 1};
  BOOST_TEST(mean_ranks(scores) == (std::vector<double>{3, 0.5, 2, 0.5}), boost::test_tools::per_element());
  BOOST_TEST(spearman(scores, truth) == 1.0);
  BOOST_TEST(kendall(scores, truth) == 1.0);
}

BOOST_AUTO_TEST_SUITE_END()
