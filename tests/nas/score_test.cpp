#include "nas/train/score.h"

#include <limits>

#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;

namespace {

Score score_of(const std::vector<float>& logits, std::int64_t label) {
  return score(Tensor::from(logits, {1, static_cast<std::int64_t>(logits.size())}), Tensor::from({label}, {1}), 2.0);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(score)

BOOST_AUTO_TEST_CASE(counts_top1_and_top5_and_sums_the_loss) {
  const std::vector<float> row{0, 6, 5, 4, 3, 2, 1};
  BOOST_TEST(score_of(row, 1).top1 == 1);
  BOOST_TEST(score_of(row, 5).top1 == 0);
  BOOST_TEST(score_of(row, 5).top5 == 1);
  BOOST_TEST(score_of(row, 6).top5 == 0);
  ockham::nas::Score total = score_of(row, 1);
  total.add(score_of(row, 6));
  BOOST_TEST(total.count == 2);
  BOOST_TEST(total.mean_loss() == 2.0);
  BOOST_TEST(total.accuracy() == 0.5);
  BOOST_TEST(total.accuracy5() == 0.5);
}

BOOST_AUTO_TEST_CASE(ties_count_for_the_lower_class) {
  BOOST_TEST(score_of({1, 1, 0}, 0).top1 == 1);
  BOOST_TEST(score_of({1, 1, 0}, 1).top1 == 0);
}

BOOST_AUTO_TEST_CASE(nan_logits_count_as_wrong) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  BOOST_TEST(score_of({nan, 0, 0}, 0).top1 == 0);
  BOOST_TEST(score_of({nan, nan, nan}, 0).top1 == 0);
  BOOST_TEST(score_of({nan, 1, 0}, 1).top1 == 0);
}

BOOST_AUTO_TEST_SUITE_END()
