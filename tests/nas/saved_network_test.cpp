// What a file of tensors gives back to a network.
#include "nas/saved/saved_network.h"

#include <array>

#include "nas/genotype/published.h"
#include "tests/engine/files.h"
#include "tests/nas/networks.h"
#include "tests/support.h"

namespace ockham::nas {
namespace {

using test::Says;

std::map<std::string, Tensor> tensors_of(Module& net) {
  std::map<std::string, Tensor> tensors;
  for (const Parameter* parameter : net.state())
    tensors.emplace(parameter->name, parameter->value);
  return tensors;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(saved_network)

BOOST_AUTO_TEST_CASE(a_network_gets_the_tensors_of_its_names_in_its_own_types) {
  Parameter a{.name = "a", .value = Tensor::from({1.0f, 2.0f}, {2})};
  Parameter b{.name = "b", .value = Tensor::from({3.0f}, {1})};
  const std::map<std::string, Tensor> saved{{"a", a.value}, {"b", b.value}};
  Parameter wide{.name = "a", .value = Tensor::zeros({2}, DType::kFloat64)},
      other{.name = "b", .value = Tensor::zeros({1})};
  restore({&wide, &other}, saved);
  BOOST_TEST(test::is_same(wide.value, Tensor::from({1.0, 2.0}, {2})));
  BOOST_TEST(test::is_same(other.value, b.value));
  other.value.span<float>()[0] = 7.0f;
  BOOST_TEST(b.value.span<float>()[0] == 3.0f);
  Parameter missing{.name = "c", .value = Tensor::zeros({1})}, larger{.name = "b", .value = Tensor::zeros({2})};
  BOOST_CHECK_EXCEPTION(restore({&missing}, saved), CheckpointError, (Says{{"lacks c", "another network"}}));
  BOOST_CHECK_EXCEPTION(restore({&larger}, saved), CheckpointError, (Says{{"b has shape [1]", "[2]"}}));
}

BOOST_AUTO_TEST_CASE(search_networks_come_back_from_their_description_and_tensors) {
  for (const SupernetSpec& spec : {test::tiny(SupernetSpec::bayesnas()), test::tiny(SupernetSpec::darts())}) {
    Initial initial;
    Supernet net(spec, initial);
    test::shake(net);
    SavedNetwork again = restore_network(to_json(spec), tensors_of(net), DType::kFloat32);
    BOOST_REQUIRE(again.supernet);
    BOOST_TEST(to_json(again.supernet->spec()) == to_json(spec));
    const Tensor images = test::noise_batch(2, spec.frame, DType::kFloat32).images;
    BOOST_TEST(test::has_equal_bits(again.logits({}, images).value(), net.forward({}, images).value()));
  }
}

BOOST_AUTO_TEST_CASE(descriptions_whose_edges_fit_no_cell_are_refused) {
  const SupernetSpec spec = test::tiny(SupernetSpec::bayesnas());
  Initial initial;
  Supernet net(spec, initial);
  const std::map<std::string, Tensor> tensors = tensors_of(net);
  // Sources count the two inputs and then the nodes: node 0 is source 2.
  const std::array<std::array<int, 3>, 5> edges{
      {{2, 0, 1}, {-1, 0, 1}, {0, -1, 1}, {0, spec.normal.nodes, 1}, {0, 0, 2}}};
  for (const std::array<int, 3>& edge : edges) {
    nlohmann::ordered_json json = to_json(spec);
    json["normal"]["edges"][0] = edge;
    BOOST_CHECK_EXCEPTION(restore_network(json, tensors, DType::kFloat32), CheckpointError,
                          (Says{{concat("edge ", edge[0], " -> ", edge[1]), "fits no cell"}}));
  }
}

BOOST_AUTO_TEST_CASE(choices_that_nobody_knows_are_refused_and_not_taken_for_another) {
  const SupernetSpec spec = test::tiny(SupernetSpec::bayesnas());
  Initial initial;
  Supernet net(spec, initial);
  const std::unique_ptr<Classifier> model = make_model({.name = "resnet20"}, initial);
  const auto refuses = [](nlohmann::ordered_json json, Module& module, const char* key) {
    json[key] = "other";
    BOOST_CHECK_EXCEPTION(restore_network(json, tensors_of(module), DType::kFloat32), CheckpointError,
                          (Says{{"'other'", key}}));
  };
  for (const char* key : {"stem", "reduction", "mixing", "origin"})
    refuses(to_json(spec), net, key);
  for (const char* key : {"stem", "shortcut", "activation"})
    refuses(to_json(ModelSpec{.name = "resnet20"}), *model, key);
}

BOOST_AUTO_TEST_CASE(networks_of_genotypes_come_back_from_their_description_and_tensors) {
  for (const char* name : {"bayesnas_0.007", "DARTS_V2"}) {
    const Genotype genotype = load_genotype(name);
    Initial initial;
    EvaluationNetwork net(genotype, test::tiny_evaluation(), initial);
    test::shake(net);
    EvaluationSpec spec = test::tiny_evaluation();
    spec.frame = net.frame_spec();
    SavedNetwork again = restore_network(to_json(spec, genotype), tensors_of(net), DType::kFloat32);
    BOOST_REQUIRE(again.evaluation);
    const Tensor images = test::noise_batch(2, spec.frame, DType::kFloat32).images;
    BOOST_TEST(test::has_equal_bits(again.logits({}, images).value(), net.forward({}, images).logits.value()), name);
  }
}

BOOST_AUTO_TEST_CASE(cells_of_nasbench201_come_back_from_their_string_and_tensors) {
  const nasbench201::NetworkSpec spec{.channels = 4, .cells_per_stage = 2, .classes = 3};
  const nasbench201::Cell cell = nasbench201::parse_cell("013243");
  Initial initial;
  nasbench201::CellClassifier net(cell, spec, initial);
  test::shake(net);
  const auto description = to_json(spec, cell, 16);
  SavedNetwork again = restore_network(description, tensors_of(net), DType::kFloat32);
  BOOST_REQUIRE(again.model);
  BOOST_TEST(again.frame.classes == 3);
  const Tensor images = test::noise_batch(2, {.classes = 3, .image_size = 16}, DType::kFloat32).images;
  BOOST_TEST(test::has_equal_bits(again.logits({}, images).value(), net.forward({}, images).logits.value()));
  const auto refused = [&](const char* key, const nlohmann::ordered_json& value,
                           std::initializer_list<std::string_view> parts) {
    auto damaged = description;
    damaged[key] = value;
    BOOST_CHECK_EXCEPTION(restore_network(damaged, tensors_of(net), DType::kFloat32), CheckpointError, (Says{parts}));
  };
  refused("cells_per_stage", 3000000000, {"3000000000 cells a stage"});
  refused("cells_per_stage", -1, {"cells"});
  for (const int side : {-4, 0, 18})
    refused("image_size", side, {"network cannot be built", "divisible by 4"});
  refused("cells_per_stage", 3, {"another network"});
  refused("channels", 3000000000, {"checkpoint"});
  refused("cell", "|none~1|", {"column"});
  refused("cell", nullptr, {"cell"});
}

BOOST_AUTO_TEST_CASE(networks_of_trees_come_back_from_their_text_and_tensors) {
  const proxyless::NetworkSpec spec{.channels = 4, .widening = 4, .classes = 3, .image_size = 16};
  const proxyless::Genotype genotype{.groups = {{proxyless::tree_cell_a()}, {{}}, {proxyless::plain_tree()}}};
  Initial initial;
  proxyless::Network net(genotype, spec, initial);
  test::shake(net);
  const auto description = to_json(spec, genotype);
  SavedNetwork again = restore_network(description, tensors_of(net), DType::kFloat32);
  BOOST_REQUIRE(again.model);
  BOOST_TEST(again.frame.image_size == 16);
  const Tensor images = test::noise_batch(2, {.classes = 3, .image_size = 16}, DType::kFloat32).images;
  BOOST_TEST(test::has_equal_bits(again.logits({}, images).value(), net.forward({}, images).logits.value()));
  const auto refused = [&](const char* key, const nlohmann::ordered_json& value,
                           std::initializer_list<std::string_view> parts) {
    auto damaged = description;
    damaged[key] = value;
    BOOST_CHECK_EXCEPTION(restore_network(damaged, tensors_of(net), DType::kFloat32), CheckpointError, (Says{parts}));
  };
  refused("genotype", nullptr, {"genotype is damaged"});
  refused("image_size", 18, {"network cannot be built", "cannot be halved 2 times"});
  refused("widening", -1, {"network cannot be built", "a widening of -1"});
  refused("widening", 8, {"another network"});
  refused("widening", std::int64_t{1} << 62, {"network cannot be built"});
  refused("channels", 3000000000, {"checkpoint"});
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham::nas
