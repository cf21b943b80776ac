#include "nas/train/score.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/error.h"
#include "engine/random.h"
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

/// Random logits and labels.
Batch noise(std::int64_t n, std::int64_t classes) {
  std::vector<float> logits;
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < n; ++i) {
    labels.push_back(static_cast<std::int64_t>(i * i % classes));
    for (std::int64_t c = 0; c < classes; ++c)
      logits.push_back(static_cast<float>(5.0 * normal({7, Purpose::kTest, 0}, logits.size())));
  }
  return {.images = Tensor::from(logits, {n, classes}), .labels = Tensor::from(labels, {n})};
}

BOOST_AUTO_TEST_CASE(loss_is_the_mean_cross_entropy) {
  const float inf = std::numeric_limits<float>::infinity();
  const auto loss = [](const std::vector<float>& logits, std::int64_t label) {
    return ockham::nas::score(Tensor::from(logits, {1, static_cast<std::int64_t>(logits.size())}),
                              Tensor::from({label}, {1}))
        .loss;
  };
  BOOST_TEST(std::abs(loss({0, 0, 0, 0}, 2) - std::log(4.0)) < 4e-9);
  BOOST_TEST(std::abs(loss({1000, 0}, 1) - 1000.0) < 4e-9);
  BOOST_TEST(loss({1000, 0}, 0) == 0.0);
  BOOST_TEST(loss({-inf, 0}, 0) == inf);
  BOOST_TEST(std::isnan(loss({std::numeric_limits<float>::quiet_NaN(), 0}, 0)));
  BOOST_TEST(loss({3e38F, 0}, 1) > 2e38);
}

BOOST_AUTO_TEST_CASE(loss_has_the_same_bits_however_images_are_cut_into_batches) {
  const Batch all = noise(1000, 10);
  const Score whole = ockham::nas::score(all.images, all.labels);
  BOOST_TEST(whole.count == 1000);
  for (const std::int64_t size : {1, 7, 32, 100, 999}) {
    Score sum;
    for (std::int64_t begin = 0; begin < 1000; begin += size) {
      const std::int64_t end = std::min<std::int64_t>(begin + size, 1000);
      sum.add(ockham::nas::score(all.images.slice(0, begin, end), all.labels.slice(0, begin, end)));
    }
    BOOST_TEST(sum.loss == whole.loss, "batches of " << size);
    BOOST_TEST(sum.top1 == whole.top1);
  }
}

BOOST_AUTO_TEST_CASE(label_without_a_logit_is_an_error) {
  for (const std::int64_t label : {-1, 3})
    BOOST_CHECK_EXCEPTION(
        ockham::nas::score(Tensor::from(std::vector<float>{1, 2, 3}, {1, 3}), Tensor::from({label}, {1})), Error,
        (test::Says{{"3 classes"}}));
}

BOOST_AUTO_TEST_SUITE_END()
