// Views of an image whose logits are averaged.
#include "nas/train/test_views.h"

#include "engine/math.h"
#include "tests/nas/networks.h"
#include "tests/support.h"

namespace ockham::nas {
namespace {

Tensor three_by_three() {
  return Tensor::from({1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0}, {1, 1, 3, 3});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(test_views)

BOOST_AUTO_TEST_CASE(a_view_moves_mirrors_and_reflects_at_the_border) {
  const Tensor x = three_by_three();
  BOOST_TEST(test::has_equal_bits(moved(x, 0, false), x));
  BOOST_TEST(
      test::has_equal_bits(moved(x, 0, true), Tensor::from({3.0, 2.0, 1.0, 6.0, 5.0, 4.0, 9.0, 8.0, 7.0}, x.shape())));
  BOOST_TEST(
      test::has_equal_bits(moved(x, 1, false), Tensor::from({5.0, 6.0, 5.0, 8.0, 9.0, 8.0, 5.0, 6.0, 5.0}, x.shape())));
  BOOST_TEST(test::has_equal_bits(moved(x, -1, false),
                                  Tensor::from({5.0, 4.0, 5.0, 2.0, 1.0, 2.0, 5.0, 4.0, 5.0}, x.shape())));
}

BOOST_AUTO_TEST_CASE(logits_are_averaged_with_the_weights_of_their_views) {
  // The first pixel of each view is its logit: 1, mirrored 3, moved by -1 5 and mirrored 5, by 1 5 and mirrored 5.
  const auto first = [](const Variable& x) { return Variable(x.value().reshape({1, 9}).slice(1, 0, 1).contiguous()); };
  BOOST_TEST(mean_logits(first, three_by_three(), TestViews::kOne).item() == 1.0);
  BOOST_TEST(mean_logits(first, three_by_three(), TestViews::kMirrored).item() == 2.0);
  BOOST_TEST(mean_logits(first, three_by_three(), TestViews::kTranslated).item() == 0.25 * 4.0 + 0.125 * 20.0);
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham::nas
