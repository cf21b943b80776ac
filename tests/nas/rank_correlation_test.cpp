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

// Places 1 to 6 have gains 3 2 3 0 1 2, the best order 3 3 2 2 1 0.
BOOST_AUTO_TEST_CASE(discounted_gain_is_the_one_worked_out_by_hand) {
  const std::vector<double> scores{6, 5, 4, 3, 2, 1}, gains{3, 2, 3, 0, 1, 2};
  const double l3 = std::log2(3.0), l5 = std::log2(5.0), l6 = std::log2(6.0), l7 = std::log2(7.0);
  const auto close = boost::test_tools::tolerance(1e-14);
  BOOST_TEST(ndcg(scores, gains, 6) == (3 + 2 / l3 + 1.5 + 1 / l6 + 2 / l7) / (3 + 3 / l3 + 1 + 2 / l5 + 1 / l6),
             close);
  BOOST_TEST(std::abs(ndcg(scores, gains, 6) - 0.960808) <= 1e-6);
  BOOST_TEST(ndcg(scores, gains, 2) == (3 + 2 / l3) / (3 + 3 / l3), close);
  BOOST_TEST(ndcg(gains, gains, 6) == 1.0, close);
}

BOOST_AUTO_TEST_CASE(discounted_gain_looks_at_the_head_where_correlations_look_at_all) {
  const std::vector<double> gains{16, 8, 4, 2, 1}, head_wrong{4, 5, 3, 2, 1}, tail_wrong{5, 4, 3, 1, 2};
  BOOST_TEST(spearman(head_wrong, gains) == spearman(tail_wrong, gains));
  BOOST_TEST(ndcg(head_wrong, gains, 5) < ndcg(tail_wrong, gains, 5));
}

BOOST_AUTO_TEST_CASE(equal_scores_share_the_mean_of_their_gains) {
  const double l3 = std::log2(3.0);
  const std::vector<double> scores{NAN, 1, 1}, gains{0, 4, 2};  // NaN is worst
  BOOST_TEST(ndcg(scores, gains, 3) == (3 + 3 / l3) / (4 + 2 / l3), boost::test_tools::tolerance(1e-14));
  BOOST_TEST(ndcg(scores, gains, 1) == 3.0 / 4.0, boost::test_tools::tolerance(1e-14));  // the run ends behind the cut
  BOOST_TEST(std::isnan(ndcg(scores, std::vector<double>{0, 0, 0}, 3)));
  BOOST_TEST(std::isnan(ndcg(scores, std::vector<double>{1}, 3)));
}

BOOST_AUTO_TEST_SUITE_END()
