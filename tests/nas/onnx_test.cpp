// A network and the ONNX model of it give the same logits.
#include <array>

#include "nas/exchange/onnx/export.h"
#include "nas/exchange/onnx/protobuf.h"
#include "nas/genotype/published.h"
#include "nas/models/model.h"
#include "nas/spaces/hybrid/hybrid_network.h"
#include "nas/spaces/nasbench201/network.h"
#include "nas/spaces/proxyless/network.h"
#include "ops/add/add.h"
#include "ops/channel_dropout/channel_dropout.h"
#include "ops/concat/concat.h"
#include "ops/global_avg_pool/global_avg_pool.h"
#include "ops/shift2d/shift2d.h"
#include "tests/nas/networks.h"
#include "tests/nas/onnx_model.h"
#include "tests/support.h"

namespace ockham::nas {
namespace {

using test::OnnxModel;
using test::Says;

/// The largest difference between the logits of a network and those of its model, of images of noise, as a part of the
/// largest logit where that is above 1.
double difference(const onnx::Forward& forward, const OnnxModel& model, const Shape& image, std::int64_t count = 3) {
  const Tensor images = test::noise({count, image[0], image[1], image[2]}, DType::kFloat32, 9);
  const Tensor expected = forward({}, images).value();
  const auto pixels = images.span<float>();
  const test::OnnxValue found = model.run({{count, image[0], image[1], image[2]}, {pixels.begin(), pixels.end()}});
  BOOST_REQUIRE(found.data.size() == static_cast<std::size_t>(expected.numel()));
  double most = 0.0, scale = 1.0;
  for (std::size_t i = 0; i < found.data.size(); ++i) {
    most = std::max(most, std::abs(found.data[i] - expected.span<float>()[i]));
    scale = std::max(scale, std::abs(found.data[i]));
  }
  return most / scale;
}

OnnxModel exported(const onnx::Forward& forward, Module& module, const Shape& image) {
  return OnnxModel(onnx::to_bytes(onnx::to_model(forward, module, image)));
}

/// Of a network with forward(context, images).
template <class Network>
onnx::Forward forward_of(Network& network) {
  return [&network](const Context& context, const Variable& x) { return network.forward(context, x); };
}

constexpr double kTolerance = 1e-4;

std::string hexadecimal(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(onnx)

BOOST_AUTO_TEST_CASE(fields_have_the_bytes_of_the_published_examples) {
  // protobuf.dev, "Encoding": field 1 = 150; field 2 = "testing"; field 3 = a message with field 1 = 150.
  onnx::Message number, text, outer;
  number.integer(1, 150);
  BOOST_TEST(hexadecimal(number.text()) == "089601");
  text.bytes(2, "testing");
  BOOST_TEST(hexadecimal(text.text()) == "120774657374696e67");
  outer.message(3, number);
  BOOST_TEST(hexadecimal(outer.text()) == "1a03089601");
  onnx::Message negative, real;
  negative.integer(1, -1);
  BOOST_TEST(hexadecimal(negative.text()) == "08ffffffffffffffffff01");
  real.real(2, 1.0f);
  BOOST_TEST(hexadecimal(real.text()) == "150000803f");
}

// What SerializeToString of the package onnx 1.23 writes for the same model.
BOOST_AUTO_TEST_CASE(a_small_model_has_the_bytes_that_protobuf_writes) {
  const onnx::Model model{
      .name = "g",
      .nodes = {{"Gemm", {"input", "w"}, "logits", {{"alpha", 1.0f}, {"transB", std::int64_t{1}}}},
                {"MaxPool", {"input"}, "p", {{"kernel_shape", std::vector<std::int64_t>{3, 3}}}}},
      .initializers = {{"w", Tensor::from({1.0f, -2.0f}, {1, 2})}, {"i", Tensor::from({std::int64_t{-1}}, {1})}},
      .input = {"input", {2}},
      .output = {"logits", {1}},
      .metadata = {{"k", "v"}},
      .producer_version = "1"};
  BOOST_TEST(hexadecimal(onnx::to_bytes(model)) ==
             "080712066f636b68616d1a01313ad1010a400a05696e7075740a017712066c6f676974731a066c6f67697473220447656d6d"
             "2a0f0a05616c706861150000803fa001012a0d0a067472616e73421801a001020a2d0a05696e7075741201701a017022074d"
             "6178506f6f6c2a150a0c6b65726e656c5f736861706540034003a001071201672a130801080210014201774a080000803f00"
             "0000c02a11080110074201694a08ffffffffffffffff5a180a05696e707574120f0a0d080112090a0312014e0a0208026219"
             "0a066c6f67697473120f0a0d080112090a0312014e0a02080142040a00100d72060a016b120176");
}

BOOST_AUTO_TEST_CASE(published_cells_give_the_logits_of_the_engine) {
  for (const Published& published : published_genotypes()) {
    Initial initial{.seed = 3};
    EvaluationNetwork net(load_genotype(std::string(published.name)), test::tiny_evaluation(), initial);
    test::shake(net);
    const onnx::Forward forward = [&](const Context& c, const Variable& x) { return net.forward(c, x).logits; };
    const OnnxModel model = exported(forward, net, {3, 8, 8});
    BOOST_TEST(difference(forward, model, {3, 8, 8}) < kTolerance, published.name);
    BOOST_TEST(model.ir_version == 7);
    BOOST_TEST(model.opset == 13);
    BOOST_TEST((model.inputs == std::vector<std::string>{"input"}));
    BOOST_TEST((model.outputs == std::vector<std::string>{"logits"}));
  }
}

BOOST_AUTO_TEST_CASE(the_imagenet_network_gives_the_logits_of_the_engine_without_its_auxiliary_head) {
  Initial initial{.seed = 3};
  EvaluationSpec spec{.frame = {.stem = Stem::kImageNet, .channels = 4, .cells = 3, .classes = 3, .image_size = 32}};
  EvaluationNetwork net(load_genotype("DARTS_V2"), spec, initial);
  test::shake(net);
  const onnx::Forward forward = [&](const Context& c, const Variable& x) { return net.forward(c, x).logits; };
  BOOST_TEST(difference(forward, exported(forward, net, {3, 32, 32}), {3, 32, 32}) < kTolerance);

  EvaluationSpec with_head = test::tiny_evaluation(32);
  with_head.has_auxiliary_head = true;
  EvaluationNetwork other(load_genotype("DARTS_V2"), with_head, initial);
  const OnnxModel model =
      exported([&](const Context& c, const Variable& x) { return other.forward(c, x).logits; }, other, {3, 32, 32});
  for (const auto& [name, value] : model.initializers)
    BOOST_TEST(!name.starts_with("auxiliary_head"));
}

BOOST_AUTO_TEST_CASE(search_networks_give_the_logits_of_the_engine) {
  for (const SupernetSpec& spec : {test::tiny(SupernetSpec::bayesnas()), test::tiny(SupernetSpec::darts(2))}) {
    Initial initial{.seed = 3};
    Supernet net(spec, initial);
    test::shake(net);
    BOOST_TEST(difference(forward_of(net), exported(forward_of(net), net, {3, 8, 8}), {3, 8, 8}) < kTolerance);
  }
}

BOOST_AUTO_TEST_CASE(cells_of_nasbench201_give_the_logits_of_the_engine) {
  for (const char* cell : {"|nor_conv_3x3~0|+|avg_pool_3x3~0|skip_connect~1|+|nor_conv_1x1~0|none~1|nor_conv_3x3~2|",
                           "|nor_conv_1x1~0|+|none~0|none~1|+|skip_connect~0|avg_pool_3x3~1|none~2|"}) {
    Initial initial{.seed = 3};
    nasbench201::Network net(nasbench201::parse_cell(cell), {.channels = 4, .cells_per_stage = 1}, initial);
    test::shake(net);
    BOOST_TEST(difference(forward_of(net), exported(forward_of(net), net, {3, 8, 8}), {3, 8, 8}) < kTolerance, cell);
  }
}

BOOST_AUTO_TEST_CASE(gelu_and_norms_without_scale_give_the_logits_of_the_engine) {
  Initial initial{.seed = 3};
  const std::unique_ptr<Classifier> net = make_model(
      {.name = "speed", .image_size = 16, .width = 4, .activation = Activation::kGelu, .scales_norms = false}, initial);
  test::shake(*net);
  const onnx::Forward forward = [&](const Context& c, const Variable& x) { return net->forward(c, x).logits; };
  BOOST_TEST(difference(forward, exported(forward, *net, {3, 16, 16}), {3, 16, 16}) < kTolerance);
}

BOOST_AUTO_TEST_CASE(models_by_name_give_the_logits_of_the_engine) {
  for (const ModelEntry& entry : models()) {
    for (const Shortcut shortcut : {Shortcut::kPadded, Shortcut::kProjected}) {
      if (shortcut == Shortcut::kProjected && std::ranges::count(entry.options, "shortcut") == 0)
        continue;
      ModelSpec spec{.name = std::string(entry.name), .shortcut = shortcut, .depth = 8, .width = 4};
      spec.image_size = 16;
      Initial initial{.seed = 3};
      const std::unique_ptr<Classifier> net = make_model(spec, initial);
      test::shake(*net);
      const onnx::Forward forward = [&](const Context& c, const Variable& x) { return net->forward(c, x).logits; };
      const OnnxModel model = exported(forward, *net, {3, 16, 16});
      BOOST_TEST(difference(forward, model, {3, 16, 16}, 1) < kTolerance, entry.name);
    }
  }
}

BOOST_AUTO_TEST_CASE(networks_of_trees_give_the_logits_of_the_engine) {
  proxyless::Tree part = proxyless::tree_cell_a();
  part.branches[0].node.branches[0].node.branches[1] = {};  // zeros in half of a concat
  Initial initial{.seed = 3};
  proxyless::Network net({.groups = {{proxyless::tree_cell_a(), part}, {{}, part}}},
                         {.channels = 4, .widening = 4, .classes = 3, .image_size = 8}, initial);
  test::shake(net);
  const onnx::Forward forward = [&](const Context& c, const Variable& x) { return net.forward(c, x).logits; };
  BOOST_TEST(difference(forward, exported(forward, net, {3, 8, 8}), {3, 8, 8}) < kTolerance);
}

BOOST_AUTO_TEST_CASE(a_network_with_closed_gates_gives_the_logits_of_the_engine) {
  Initial initial{.seed = 3};
  HybridNetwork net({.stem = 4, .width = 4, .blocks_per_stage = 1}, initial);
  test::shake(net);
  for (const GatedGroup& group : net.groups())
    group.keep->front() = 0.0;
  BOOST_TEST(difference(forward_of(net), exported(forward_of(net), net, {3, 8, 8}), {3, 8, 8}) < kTolerance);
}

BOOST_AUTO_TEST_CASE(a_smaller_cell_makes_a_smaller_model) {
  const auto model_of = [](Genotype genotype) {
    Initial initial{.seed = 3};
    EvaluationNetwork net(genotype, test::tiny_evaluation(), initial);
    return onnx::to_model([&](const Context& c, const Variable& x) { return net.forward(c, x).logits; }, net,
                          {3, 8, 8});
  };
  Genotype genotype = load_genotype("bayesnas_0.01");
  const onnx::Model whole = model_of(genotype);
  genotype.normal.edges[1].ops = {Primitive::kIdentity};  // without a separable convolution and two pools
  const onnx::Model pruned = model_of(genotype);
  // In one normal cell: two norms, relus, depthwise and pointwise convolutions; a border, two pools and three sums.
  BOOST_TEST(whole.nodes.size() - pruned.nodes.size() == 8u + 3u + 3u);
  BOOST_TEST(onnx::to_bytes(pruned).size() < onnx::to_bytes(whole).size());
}

BOOST_AUTO_TEST_CASE(the_shift_of_a_factorised_reduction_is_one_slice) {
  Initial initial{.seed = 3};
  EvaluationNetwork net(load_genotype("DARTS_V2"), test::tiny_evaluation(), initial);
  const OnnxModel model =
      exported([&](const Context& c, const Variable& x) { return net.forward(c, x).logits; }, net, {3, 8, 8});
  BOOST_TEST(model.count("Slice") == 1);  // the pre-processor between the two reductions
  BOOST_TEST(model.count("Pad") == 0);
  BOOST_TEST(model.count("Gemm") == 1);
  BOOST_TEST(model.nodes.back().inputs.size() == 3u);  // takes its bias along
  for (const test::OnnxNode& node : model.nodes) {
    if (node.op_type == "AveragePool")
      BOOST_TEST(node.integer("count_include_pad", -1) == 0);
  }
}

BOOST_AUTO_TEST_CASE(shortcuts_that_zeros_widen_are_borders_of_channels) {
  Initial initial;
  HybridNetwork net({.stem = 4, .width = 4, .blocks_per_stage = 1}, initial);
  const onnx::Forward forward = [](const Context&, const Variable& x) {
    const Variable half = shift2d(x, 0, 0, 2);
    const Variable zeros = Tensor::zeros({x.shape()[0], 2, half.shape()[2], half.shape()[3]});
    return global_avg_pool(ockham::concat({zeros, half, zeros}));
  };
  const OnnxModel model = exported(forward, net, {3, 8, 8});
  BOOST_TEST(model.count("Pad") == 1);
  BOOST_TEST(model.count("Concat") == 0);
  BOOST_TEST(difference(forward, model, {3, 8, 8}) < kTolerance);
}

BOOST_AUTO_TEST_CASE(an_op_without_translation_and_a_pass_that_is_no_fixed_graph_are_refused) {
  Initial initial;
  HybridNetwork net({.stem = 4, .width = 4, .blocks_per_stage = 1}, initial);
  const auto refused = [&](const onnx::Forward& forward, std::initializer_list<std::string_view> parts) {
    BOOST_CHECK_EXCEPTION(onnx::to_model(forward, net, {3, 8, 8}), Error, (Says{parts}));
  };
  refused([](const Context&, const Variable& x) { return global_avg_pool(channel_dropout(x, {.p = 0.5})); },
          {"channel_dropout", "no translation"});
  refused(
      [](const Context&, const Variable& x) {  // the second operand left the ops
        Tensor half = x.value().clone();
        return global_avg_pool(ockham::add(x, half));
      },
      {"changes with the images"});
  refused(
      [](const Context&, const Variable& x) {
        return Variable(Tensor::zeros({x.shape()[0], 2}));
      },
      {"do not depend on the images"});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ockham::nas
