// What speaks for the logits of a softmax search network.
#include "autograd/reverse.h"
#include "nas/bayes/evidence/evidence.h"
#include "nas/diagnosis/logit_evidence.h"
#include "nas/spaces/nasbench201/search_space.h"
#include "tests/nas/networks.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;

namespace {

constexpr double kLambda = 0.01;
const nasbench201::Space kSpace({.channels = 2, .cells_per_stage = 1, .classes = 3});

struct Relaxed {
  Relaxed() : batch(test::noise_batch(6, {.classes = 3, .image_size = 8}, DType::kFloat64, 3)) {
    Initial initial{.seed = 5, .dtype = DType::kFloat64};
    owned = kSpace.make_supernet(initial);
    Parameter& alphas = *owned.network.architecture[0];
    for (std::int64_t i = 0; i < alphas.value.numel(); ++i)
      test::write(alphas.value, i, 0.1 * static_cast<double>(i % 7) - 0.2);
  }
  LogitEvidence evidence() const { return logit_evidence(kSpace, owned.network, batch, kLambda); }
  Batch batch;
  OwnedNetwork owned;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(evidence_of_logits)

BOOST_AUTO_TEST_CASE(it_is_the_evidence_of_an_offset_by_the_second_difference_of_the_loss) {
  const Relaxed relaxed;
  const LogitEvidence found = relaxed.evidence();
  const SearchNetwork& network = relaxed.owned.network;
  Parameter& alphas = *network.architecture[0];
  const auto build = [&](Tape& tape) { return network.loss(&tape, relaxed.batch); };
  Tape tape;
  const std::vector<Tensor> gradient = gradients(build(tape), network.architecture);
  for (const std::int64_t entry : {1, 8, 13, 19, 27}) {
    const std::vector<double> w{found.offset[static_cast<std::size_t>(entry)]}, g{test::read(gradient[0], entry)},
        H{hessian_by_difference(build, alphas, entry)};
    const double expected = group_evidence(w, g, H, kLambda).strength;
    BOOST_TEST(std::abs(found.strength[static_cast<std::size_t>(entry)] - expected) < 1e-5 * std::max(1.0, expected));
  }
}

BOOST_AUTO_TEST_CASE(a_common_shift_of_a_choice_changes_nothing) {
  const Relaxed relaxed;
  const LogitEvidence before = relaxed.evidence();
  Tensor& alphas = relaxed.owned.network.architecture[0]->value;
  for (std::int64_t i = 5; i < 10; ++i)
    test::write(alphas, i, test::read(alphas, i) + 1.5);
  const LogitEvidence after = relaxed.evidence();
  for (std::size_t i = 0; i < before.strength.size(); ++i)
    BOOST_TEST(std::abs(before.strength[i] - after.strength[i]) < 1e-8 * std::max(1.0, before.strength[i]));
}

BOOST_AUTO_TEST_CASE(what_is_favoured_counts_for_its_operation) {
  LogitEvidence evidence;
  evidence.offset.assign(30, -1.0);
  evidence.strength.assign(30, 2.0);
  evidence.offset[1] = evidence.offset[6] = 0.5;  // skip_connect of two edges
  const auto nats = nats_in_favour(kSpace, evidence);
  BOOST_REQUIRE_EQUAL(nats.size(), 5u);
  BOOST_TEST(nats[1].first == "skip_connect");
  BOOST_TEST(nats[1].second == 4.0);
  BOOST_TEST(nats[3].second == 0.0);
}

BOOST_AUTO_TEST_SUITE_END()
