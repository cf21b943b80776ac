// labels: slow
// Multiply-accumulates of the BayesNAS ImageNet networks: one image of 224 pixels through each.
#include "nas/cost.h"

#include <cmath>

#include "tests/nas/networks.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;

BOOST_AUTO_TEST_SUITE(cost)

BOOST_AUTO_TEST_CASE(bayesnas_imagenet_networks_cost_431_512_and_422_million_macs) {
  const auto millions = [](const std::string& genotype) {
    Initial initial;
    EvaluationNetwork net(
        load_genotype(genotype),
        {.frame = {.stem = Stem::kImageNet, .channels = 48, .cells = 14, .classes = 1000, .image_size = 224}}, initial);
    const auto forward = [&](const Context& c, const Variable& x) { return net.forward(c, x).logits; };
    return std::llround(static_cast<double>(count_macs(forward, 3, 224)) / 1e6);
  };
  BOOST_TEST(millions("bayesnas_0.01") == 431);
  BOOST_TEST(millions("bayesnas_0.007") == 512);
  BOOST_TEST(millions("bayesnas_0.005") == 422);
}

BOOST_AUTO_TEST_SUITE_END()
