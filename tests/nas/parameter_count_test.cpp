// Sizes of the published networks, to the last parameter, and their names.
#include <cmath>

#include "nas/cost.h"
#include "nas/genotype/published.h"
#include "nas/spaces/cells/cell_space.h"
#include "tests/nas/networks.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;
using ockham::test::has_parameter;
using ockham::test::parameter_named;

namespace {

std::int64_t weights_of(Module& net) {
  return count_elements(net.parameters(ParameterKind::kWeight));
}

std::int64_t weights_of(const std::string& genotype, EvaluationSpec spec) {
  Initial initial;
  EvaluationNetwork net(load_genotype(genotype), spec, initial);
  return weights_of(net);
}

constexpr EvaluationSpec kImageNet{
    .frame = {.stem = Stem::kImageNet, .channels = 48, .cells = 14, .classes = 1000, .image_size = 224}};

}  // namespace

BOOST_AUTO_TEST_SUITE(parameter_count)

BOOST_AUTO_TEST_CASE(bayesnas_search_network_has_26910838_weights_and_512_switches_in_128_groups) {
  const SoftmaxSpace space(SupernetSpec::bayesnas(), {});
  Initial initial;
  const SwitchNetwork net = space.make_switches(initial);
  BOOST_TEST(count_elements(net.owned.network.weights()) == 26910838);
  BOOST_TEST(count_elements(net.owned.network.architecture) == 512);
  std::size_t groups = 0;
  for (const SwitchPlaces& places : net.groups) {
    if (places.option == "none")
      continue;
    ++groups;
    BOOST_TEST(places.copies.size() == (places.choice.starts_with("normal") ? 6u : 2u));
  }
  BOOST_TEST(groups == 128u);
}

BOOST_AUTO_TEST_CASE(switches_start_at_one) {
  Initial initial;
  Supernet net(test::tiny(SupernetSpec::bayesnas()), initial);
  for (const Parameter* parameter : net.architecture()) {
    for (float w : parameter->value.span<float>())
      BOOST_TEST(w == 1.0f);
  }
}

BOOST_AUTO_TEST_CASE(darts_search_network_has_1930618_weights_and_two_tables_of_14_by_8_logits) {
  Initial initial;
  Supernet net(SupernetSpec::darts(), initial);
  BOOST_TEST(weights_of(net) == 1930618);
  BOOST_TEST(net.logits(CellKind::kNormal).value.shape() == (Shape{14, 8}));
  BOOST_TEST(net.logits(CellKind::kReduction).value.shape() == (Shape{14, 8}));
  BOOST_TEST(count_elements(net.architecture()) == 2 * 14 * 8);
}

BOOST_AUTO_TEST_CASE(darts_evaluation_networks_have_the_published_sizes) {
  BOOST_TEST(weights_of("DARTS_V1", {}) == 3169414);
  BOOST_TEST(weights_of("DARTS_V2", {}) == 3349342);
  BOOST_TEST(weights_of("DARTS_V2", kImageNet) == 4718752);
}

// By pytorch_darts.py, which is written after the published code; the papers tell them to a tenth of a million, for
// other numbers of channels where they differ.
BOOST_AUTO_TEST_CASE(networks_of_other_published_cells_have_the_sizes_of_the_published_code) {
  BOOST_TEST(weights_of("PDARTS", {}) == 3433798);
  BOOST_TEST(weights_of("PC_DARTS_cifar", {}) == 3634678);
  BOOST_TEST(weights_of("NASNet", {}) == 3830950);
  BOOST_TEST(weights_of("AmoebaNet", {}) == 3145078);
  BOOST_TEST(weights_of("PDARTS", kImageNet) == 4944352);
  BOOST_TEST(weights_of("PC_DARTS_image", kImageNet) == 5342464);
}

BOOST_AUTO_TEST_CASE(bayesnas_cifar_networks_have_the_published_sizes) {
  BOOST_TEST(weights_of("bayesnas_0.01", {}) == 2575702);
  BOOST_TEST(weights_of("bayesnas_0.007", {}) == 3197350);
  BOOST_TEST(weights_of("bayesnas_0.005", {}) == 2512198);
}

BOOST_AUTO_TEST_CASE(bayesnas_imagenet_networks_have_the_published_sizes) {
  BOOST_TEST(weights_of("bayesnas_0.01", kImageNet) == 4008928);
  BOOST_TEST(weights_of("bayesnas_0.007", kImageNet) == 4709920);
  BOOST_TEST(weights_of("bayesnas_0.005", kImageNet) == 3901216);
}

// The mobile setting allows 600 million. Of convolutions and the linear layer; Liu et al. 2019 name 574 for DARTS_V2.
BOOST_AUTO_TEST_CASE(imagenet_networks_take_fewer_multiply_adds_than_a_mobile_one_may) {
  const auto millions = [](const std::string& genotype) {
    Initial initial;
    EvaluationNetwork net(load_genotype(genotype), kImageNet, initial);
    const auto forward = [&](const Context& c, const Variable& x) { return net.forward(c, x).logits; };
    return std::round(static_cast<double>(count_macs(forward, 3, 224)) / 1e6);
  };
  BOOST_TEST(millions("bayesnas_0.01") == 431.0);
  BOOST_TEST(millions("bayesnas_0.007") == 512.0);
  BOOST_TEST(millions("bayesnas_0.005") == 422.0);
  BOOST_TEST(millions("DARTS_V2") == 530.0);
}

BOOST_AUTO_TEST_CASE(a_whitening_layer_gives_the_stem_eight_times_the_channels) {
  EvaluationSpec spec;
  spec.frame.whitens = true;
  BOOST_TEST(weights_of("DARTS_V2", spec) == 3349342 + (24 - 3) * 9 * 108);
}

BOOST_AUTO_TEST_CASE(shifted_pre_processors_have_as_many_weights_as_strided_ones) {
  EvaluationSpec spec;
  spec.frame.reduction = Reduction::kShifted;
  BOOST_TEST(weights_of("bayesnas_0.005", spec) == 2512198);
}

BOOST_AUTO_TEST_CASE(darts_evaluation_network_has_the_names_of_its_pytorch_checkpoint) {
  Initial initial;
  EvaluationNetwork net(load_genotype("DARTS_V2"), {.has_auxiliary_head = true}, initial);
  for (const char* name :
       {"stem.0.weight", "stem.1.running_var", "stem.1.num_batches_tracked", "cells.0.preprocess0.op.1.weight",
        "cells.0.preprocess1.op.2.bias", "cells.0._ops.1.op.3.running_mean", "cells.0._ops.7.op.1.weight",
        "cells.7.preprocess0.conv_1.weight", "cells.7.preprocess0.conv_2.weight", "cells.7.preprocess0.bn.weight",
        "auxiliary_head.features.2.weight", "auxiliary_head.features.6.running_var", "auxiliary_head.classifier.bias",
        "classifier.weight", "classifier.bias"})
    BOOST_TEST(has_parameter(net, name), name << " is missing");
  BOOST_TEST(parameter_named(net, "stem.0.weight").value.shape() == (Shape{108, 3, 3, 3}));
  BOOST_TEST(parameter_named(net, "cells.0._ops.1.op.1.weight").value.shape() == (Shape{36, 1, 3, 3}));
  BOOST_TEST(parameter_named(net, "cells.7.preprocess0.conv_1.weight").value.shape() == (Shape{36, 144, 1, 1}));
  BOOST_TEST(parameter_named(net, "auxiliary_head.features.2.weight").value.shape() == (Shape{128, 576, 1, 1}));
  BOOST_TEST(parameter_named(net, "classifier.weight").value.shape() == (Shape{10, 576}));
}

BOOST_AUTO_TEST_CASE(darts_imagenet_network_has_the_names_of_its_pytorch_checkpoint) {
  Initial initial;
  EvaluationSpec spec = kImageNet;
  spec.has_auxiliary_head = true;
  EvaluationNetwork net(load_genotype("DARTS_V2"), spec, initial);
  BOOST_TEST(parameter_named(net, "stem0.0.weight").value.shape() == (Shape{24, 3, 3, 3}));
  BOOST_TEST(parameter_named(net, "stem0.3.weight").value.shape() == (Shape{48, 24, 3, 3}));
  BOOST_TEST(parameter_named(net, "stem1.1.weight").value.shape() == (Shape{48, 48, 3, 3}));
  BOOST_TEST(parameter_named(net, "stem1.2.weight").value.shape() == (Shape{48}));
  BOOST_TEST(has_parameter(net, "cells.0.preprocess0.conv_1.weight"));
  BOOST_TEST(has_parameter(net, "auxiliary_head.features.5.weight"));
  BOOST_TEST(!has_parameter(net, "auxiliary_head.features.6.weight"));  // as published, no norm there
}

BOOST_AUTO_TEST_CASE(darts_search_network_has_the_names_of_its_pytorch_checkpoint) {
  Initial initial;
  Supernet net(SupernetSpec::darts(), initial);
  for (const char* name : {"cells.0._ops.0._ops.1.1.running_mean", "cells.2._ops.0._ops.3.conv_1.weight",
                           "cells.0._ops.13._ops.4.op.6.weight", "cells.0._ops.0._ops.7.op.3.running_var",
                           "alphas_normal", "alphas_reduce"})
    BOOST_TEST(has_parameter(net, name), name << " is missing");
  BOOST_TEST(!has_parameter(net, "cells.0._ops.0._ops.1.1.weight"));  // batch norm of the search is not affine
}

BOOST_AUTO_TEST_CASE(one_seed_gives_the_same_weights_and_another_gives_others) {
  const auto first_weight = [](std::uint64_t seed) {
    Initial initial{.seed = seed};
    Supernet net(test::tiny(SupernetSpec::bayesnas()), initial);
    return parameter_named(net, "cells.2._ops.0._ops.0.3.weight").value.clone();
  };
  BOOST_TEST(test::has_equal_bits(first_weight(1), first_weight(1)));
  BOOST_TEST(!test::has_equal_bits(first_weight(1), first_weight(2)));
}

BOOST_AUTO_TEST_SUITE_END()
