#include "nas/proxies/selection.h"

#include <cmath>

#include "engine/error.h"
#include "nas/rank_correlation.h"
#include "tests/support.h"

using namespace ockham;
using namespace nas::proxies;
using nas::without_nan;

BOOST_AUTO_TEST_SUITE(selection)

BOOST_AUTO_TEST_CASE(rank_sums_add_places_and_share_those_of_equals) {
  // Places: 1 0 2.5 2.5 and 3 1.5 0 1.5.
  const std::vector<std::vector<double>> scores{{5, -INFINITY, 8, 8}, {0.4, 0.2, NAN, 0.2}};
  BOOST_TEST(rank_sums(scores) == (std::vector<double>{4, 1.5, 2.5, 4}), boost::test_tools::per_element());
  BOOST_CHECK_THROW(rank_sums({}), UsageError);
  BOOST_CHECK_EXCEPTION(rank_sums(std::vector<std::vector<double>>{{1, 2}, {1}}), UsageError,
                        (test::Says{{"1 candidates, the first 2"}}));
}

// Of three, places 3 1 2 and 1 2 3 from the worst on; of four, 1 4 4 against 3 3 3.
BOOST_AUTO_TEST_CASE(sums_of_logarithms_of_places_punish_a_bad_one) {
  const std::vector<std::vector<double>> scores{{9, 1, 5}, {1, 2, 3}};
  const std::vector<double> sums = log_rank_sums(scores);
  const std::vector<double> expected{std::log(3.0 / 9.0), std::log(2.0 / 9.0), std::log(6.0 / 9.0)};
  for (std::size_t i = 0; i < 3; ++i)
    BOOST_TEST(std::abs(sums[i] - expected[i]) <= 1e-14);
  const std::vector<std::vector<double>> even{{4, 1, 2, 3}, {1, 4, 2, 3}, {1, 4, 2, 3}};
  BOOST_TEST(rank_sums(even)[1] == rank_sums(even)[3]);
  BOOST_TEST(log_rank_sums(even)[1] < log_rank_sums(even)[3]);
  BOOST_CHECK_THROW(log_rank_sums({}), UsageError);
}

BOOST_AUTO_TEST_CASE(a_score_that_is_no_number_is_the_worst_of_one_proxy_too) {
  const std::vector<double> scores = without_nan({NAN, -2, INFINITY});
  BOOST_TEST(scores == (std::vector<double>{-INFINITY, -2, INFINITY}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(votes_count_the_others_that_a_majority_puts_behind) {
  // Two of three prefer 0 to 1 and to 2, and 1 to 2; nobody can tell 3 from 2.
  const std::vector<std::vector<double>> scores{{3, 2, 1, 1}, {9, 8, 7, 7}, {0, 5, 6, 6}};
  BOOST_TEST(votes(scores) == (std::vector<double>{3, 2, 0.5, 0.5}), boost::test_tools::per_element());
  // A huge score is one vote: its sum would choose the last.
  const std::vector<std::vector<double>> outlier{{1, 0}, {1, 0}, {0, 1e20}};
  BOOST_TEST(votes(outlier) == (std::vector<double>{1, 0}), boost::test_tools::per_element());
  BOOST_TEST(votes(std::vector<std::vector<double>>{{NAN, 1}}) == (std::vector<double>{0, 1}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
