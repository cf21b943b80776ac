// Channels that masks silence are removed, and the network computes what it computed.
#include <boost/test/data/test_case.hpp>
#include <map>

#include "nas/compression/channels/removable.h"
#include "nas/compression/channels/removal.h"
#include "nas/exchange/onnx/export.h"
#include "nas/genotype/published.h"
#include "nas/layers/plain.h"
#include "nas/models/layer_classifier.h"
#include "nas/saved/narrow_network.h"
#include "nas/saved/saved_network.h"
#include "ops/channel_dropout/channel_dropout.h"
#include "tests/nas/channel_classes.h"
#include "tests/nas/onnx_model.h"
#include "tests/support.h"

namespace ockham::nas {
namespace {

using test::Says;

constexpr const char* kCell = "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|";
const nasbench201::NetworkSpec kCellSpec{.channels = 6, .cells_per_stage = 1, .classes = 5};

/// A network with all that its checkpoint says.
struct Subject {
  SavedNetwork network;
  nlohmann::ordered_json description;

  Subject(nlohmann::ordered_json json, DType dtype) : description(std::move(json)) {
    Initial initial{.seed = 3, .dtype = dtype};
    if (description["kind"] == "model") {
      network.model = make_model(spec_of_model(), initial);
    } else if (description["kind"] == "nasbench201") {
      network.model = std::make_unique<nasbench201::CellClassifier>(nasbench201::parse_cell(kCell), kCellSpec, initial);
    } else {
      EvaluationSpec spec = test::tiny_evaluation();
      const Genotype genotype = parse_genotype_json(description["genotype"].dump());
      network.evaluation = std::make_unique<EvaluationNetwork>(genotype, spec, initial);
    }
    test::shake(network.module());
  }
  ModelSpec spec_of_model() const {
    return {.name = description["model"],
            .classes = description["classes"],
            .image_channels = description["image_channels"],
            .image_size = description["image_size"],
            .shortcut = description["shortcut"] == "padded" ? Shortcut::kPadded : Shortcut::kProjected,
            .depth = description["depth"],
            .widening = description["widening"],
            .width = description["width"]};
  }
  Module& module() { return network.module(); }
  Forward forward() {
    return [this](const Context& context, const Variable& images) { return network.logits(context, images); };
  }
  Shape image() const {
    const std::int64_t side = description["image_size"];
    return {description["image_channels"].get<std::int64_t>(), side, side};
  }
  Tensor logits(std::int64_t count = 3) {
    const Shape s = image();
    const DType dtype = module().state()[0]->value.dtype();
    return network.logits({}, test::noise({count, s[0], s[1], s[2]}, dtype, 7)).value();
  }
  std::vector<Parameter*> weights() { return module().parameters(ParameterKind::kWeight); }
  ChannelGraph graph() { return {forward(), module(), image()}; }
  Removal remove(const RemovalOptions& options = {}) { return remove_channels(forward(), module(), image(), options); }
};

nlohmann::ordered_json model_json(const std::string& name, Shortcut shortcut = Shortcut::kPadded) {
  const bool is_of_digits = name.starts_with("lenet");
  return to_json(ModelSpec{.name = name,
                           .classes = 5,
                           .image_channels = is_of_digits ? 1 : 2,
                           .image_size = 16,
                           .shortcut = shortcut,
                           .depth = 14,
                           .widening = 9,
                           .width = 6});
}

/// Whole, one of each kind.
nlohmann::ordered_json description_of(const std::string& name) {
  if (name == "nasbench201")
    return to_json(kCellSpec, nasbench201::parse_cell(kCell), 16);
  if (name == "resnet20, projected")
    return model_json("resnet20", Shortcut::kProjected);
  if (name != "DARTS_V2" && name != "bayesnas_0.007")
    return model_json(name);
  const Genotype genotype = load_genotype(name);
  EvaluationSpec spec = test::tiny_evaluation();
  Initial initial;
  spec.frame = EvaluationNetwork(genotype, spec, initial).frame_spec();
  return to_json(spec, genotype);
}

const std::vector<std::string> kSubjects{
    "lenet300",   "lenet5", "lenet5-caffe", "resnet20",       "resnet20, projected",
    "pyramidnet", "speed",  "DARTS_V2",     "bayesnas_0.007", "nasbench201"};

/// Draws true with that probability.
class Coin {
 public:
  explicit Coin(double probability) : draws_({4096}, DType::kFloat64), probability_(probability) {
    fill_uniform(draws_, {.seed = 9, .purpose = Purpose::kTest}, 0.0, 1.0);
  }
  bool operator()() { return draws_.data<double>()[next_++ % 4096] < probability_; }

 private:
  Tensor draws_;
  double probability_;
  std::int64_t next_ = 0;
};

/// Zeros what writes (axis 0) or reads (axis 1) a channel in its convolutions and linear layers.
void silence(const ChannelClass& channel, int axis, const std::vector<Parameter*>& state) {
  for (const ChannelSlice& slice : channel.slices) {
    Tensor& value = state[slice.parameter]->value;
    if (slice.axis != axis || value.rank() < 2)
      continue;
    for_each_entry({.name = {}, .runs = {slice_run(0, value.shape(), axis, slice.index)}},
                   [&](std::size_t, std::int64_t i) { test::write(value, i, 0.0); });
  }
}

/// @return how many
std::int64_t mask_some(Subject& subject, double share) {
  Coin coin(share);
  std::int64_t count = 0;
  const ChannelGraph graph = subject.graph();
  for (const ChannelClass& channel : graph.classes()) {
    if (channel.is_fixed || !coin())
      continue;
    test::silence(channel, graph);
    ++count;
  }
  return count;
}

std::int64_t free_classes(Subject& subject) {
  const ChannelGraph graph = subject.graph();
  return std::ranges::count(graph.classes(), false, &ChannelClass::is_fixed);
}

std::map<std::string, Tensor> tensors_of(Module& module) {
  std::map<std::string, Tensor> tensors;
  for (const Parameter* parameter : module.state())
    tensors.emplace(parameter->name, parameter->value);
  return tensors;
}

std::int64_t elements_of(Module& module) {
  return count_elements(module.state());
}

constexpr double kRounding = 1e-12;

}  // namespace

BOOST_AUTO_TEST_SUITE(channel_removal)

BOOST_DATA_TEST_CASE(masked_channels_go_and_the_logits_stay, kSubjects, name) {
  Subject subject(description_of(name), DType::kFloat64);
  const std::int64_t before = free_classes(subject);
  const std::int64_t masked = mask_some(subject, 0.4);
  BOOST_TEST(masked > 0);
  const Tensor logits = subject.logits();
  const Removal removal = subject.remove();
  BOOST_TEST(test::relative_gap(subject.logits(), logits) < kRounding);
  BOOST_TEST(removal.gap < kRounding);
  // One stays where all would go.
  const auto narrowest = std::ranges::count_if(
      subject.weights(), [](const Parameter* p) { return p->value.rank() > 1 && p->value.size(0) == 1; });
  BOOST_TEST(free_classes(subject) <= before - masked + narrowest);
  BOOST_TEST(removal.parameters < removal.parameters_before);
  BOOST_TEST(removal.parameters == count_elements(subject.weights()));
  BOOST_TEST(removal.macs < removal.macs_before);
  BOOST_TEST(!removal.layers.empty());
}

BOOST_DATA_TEST_CASE(channels_that_nothing_reads_go, kSubjects, name) {
  Subject subject(description_of(name), DType::kFloat64);
  const ChannelGraph graph = subject.graph();
  Coin coin(0.3);
  for (const ChannelClass& channel : graph.classes()) {
    if (!channel.is_fixed && coin())
      silence(channel, 1, graph.state());
  }
  const Tensor logits = subject.logits();
  const Removal removal = subject.remove();
  BOOST_TEST(test::relative_gap(subject.logits(), logits) < kRounding);
  BOOST_TEST(removal.parameters < removal.parameters_before);
}

BOOST_DATA_TEST_CASE(a_second_removal_finds_nothing, kSubjects, name) {
  Subject subject(description_of(name), DType::kFloat64);
  mask_some(subject, 0.4);
  subject.remove();
  const Tensor logits = subject.logits();
  const Removal again = subject.remove();
  BOOST_TEST(again.layers.empty());
  BOOST_TEST(again.parameters == again.parameters_before);
  BOOST_TEST(test::has_equal_bits(subject.logits(), logits));
}

BOOST_DATA_TEST_CASE(a_narrow_network_loses_more_of_what_it_has_left, kSubjects, name) {
  Subject subject(description_of(name), DType::kFloat64);
  mask_some(subject, 0.3);
  subject.remove();
  mask_some(subject, 0.3);
  const Tensor logits = subject.logits();
  const Removal removal = subject.remove();
  BOOST_TEST(removal.parameters < removal.parameters_before);
  BOOST_TEST(test::relative_gap(subject.logits(), logits) < kRounding);
}

BOOST_DATA_TEST_CASE(a_narrow_network_comes_back_with_the_same_bits, kSubjects, name) {
  Subject subject(description_of(name), DType::kFloat32);
  mask_some(subject, 0.5);
  subject.remove();
  subject.description["narrowed"] = narrowed_json(subject.module());
  SavedNetwork again = restore_network(nlohmann::ordered_json::parse(subject.description.dump()),
                                       tensors_of(subject.module()), DType::kFloat32);
  const Shape s = subject.image();
  const Tensor images = test::noise({3, s[0], s[1], s[2]}, DType::kFloat32, 7);
  BOOST_TEST(test::has_equal_bits(again.logits({}, images).value(), subject.logits()));
}

BOOST_DATA_TEST_CASE(a_narrow_network_is_exported, (std::vector<std::string>{"lenet300", "resnet20", "DARTS_V2"}),
                     name) {
  Subject subject(description_of(name), DType::kFloat32);
  mask_some(subject, 0.5);
  subject.remove();
  const test::OnnxModel model(onnx::to_bytes(onnx::to_model(subject.forward(), subject.module(), subject.image())));
  const Shape s = subject.image();
  const Tensor images = test::noise({3, s[0], s[1], s[2]}, DType::kFloat32, 7), logits = subject.logits();
  const test::OnnxValue found =
      model.run({{3, s[0], s[1], s[2]}, {images.span<float>().begin(), images.span<float>().end()}});
  BOOST_REQUIRE(found.data.size() == static_cast<std::size_t>(logits.numel()));
  for (std::size_t i = 0; i < found.data.size(); ++i)
    BOOST_TEST(std::abs(found.data[i] - logits.span<float>()[i]) < 1e-4 * std::max(1.0, max_abs(logits)));
}

BOOST_AUTO_TEST_CASE(a_filter_goes_with_its_norm_and_what_reads_it) {
  Subject subject(model_json("resnet20"), DType::kFloat32);
  const ChannelGraph graph = subject.graph();
  const auto weights_of = [&](const std::string& name) {
    const auto found = std::ranges::find(graph.classes(), name, &ChannelClass::name);
    BOOST_REQUIRE(found != graph.classes().end());
    std::map<std::string, std::int64_t> entries;
    for (const ChannelSlice& slice : found->slices) {
      const Parameter& parameter = *graph.state()[slice.parameter];
      if (parameter.kind == ParameterKind::kWeight)
        entries[parameter.name] += parameter.value.numel() / parameter.value.size(slice.axis);
    }
    return entries;
  };
  // Filter 16 x 3 x 3, two entries of the norm, a channel of 16 filters.
  const std::map<std::string, std::int64_t> filter{{"layer1.0.conv1.weight", 144},
                                                   {"layer1.0.bn1.weight", 1},
                                                   {"layer1.0.bn1.bias", 1},
                                                   {"layer1.0.conv2.weight", 144}};
  BOOST_TEST((weights_of("layer1.0.conv1.weight[3]") == filter));
  // The stream of the first stage: conv1, three conv2 with their norms, three conv1; and three stages' worth behind the
  // padded shortcuts, 2 x (3 conv2, norms, 3 conv1 but for the first of the next stage), and the classifier.
  const auto stream = weights_of("conv1.weight[3]");
  for (const char* name : {"layer1.2.conv2.weight", "layer2.0.conv1.weight", "layer3.2.bn2.bias", "fc.weight"})
    BOOST_TEST(stream.contains(name), name);
  BOOST_TEST(!stream.contains("layer3.2.bn1.bias"));
}

BOOST_AUTO_TEST_CASE(resnet18_loses_its_channels) {
  Subject subject(model_json("resnet18"), DType::kFloat32);
  mask_some(subject, 0.5);
  const Removal removal = subject.remove();
  BOOST_TEST(removal.gap < 1e-5);
  BOOST_TEST(removal.parameters < removal.parameters_before / 3);
}

BOOST_AUTO_TEST_CASE(pixels_that_nothing_reads_are_left_out) {
  Subject subject(model_json("lenet300"), DType::kFloat64);
  Tensor& weight = test::parameter_named(subject.module(), "fc1.weight").value;
  for (const std::int64_t pixel : {0, 1, 2, 100, 255}) {
    for (std::int64_t neuron = 0; neuron < 300; ++neuron)
      test::write(weight, neuron * 256 + pixel, 0.0);
  }
  const Tensor logits = subject.logits();
  subject.remove();
  BOOST_TEST(test::parameter_named(subject.module(), "fc1.weight").value.shape() == (Shape{300, 251}));
  BOOST_TEST(test::relative_gap(subject.logits(), logits) < kRounding);
  const auto json = narrowed_json(subject.module());
  BOOST_TEST(json["counts"]["fc1"].size() == 251u);
  BOOST_TEST(json["counts"]["fc1"][0] == 3);
  subject.description["narrowed"] = json;
  subject.description["narrowed"]["counts"]["fc1"][250] = 256;
  BOOST_CHECK_EXCEPTION(restore_network(subject.description, tensors_of(subject.module()), DType::kFloat64),
                        CheckpointError, (Says{{"fc1", "less than 256"}}));
}

BOOST_AUTO_TEST_CASE(neurons_that_nothing_writes_go_whatever_reads_them_the_first_among_them) {
  Subject subject(model_json("lenet300"), DType::kFloat64);
  Tensor weight = subject.weights()[0]->value, bias = subject.weights()[1]->value;
  for (const std::int64_t neuron : {std::int64_t{0}, std::int64_t{7}}) {
    for (std::int64_t i = 0; i < weight.size(1); ++i)
      weight.data<double>()[neuron * weight.size(1) + i] = 0.0;
    bias.data<double>()[neuron] = 0.0;
  }
  const Tensor before = subject.logits();
  const Removal removal = subject.remove();
  BOOST_TEST(subject.weights()[0]->value.size(0) == 298);
  BOOST_TEST(subject.weights()[2]->value.size(1) == 298);
  BOOST_TEST(test::relative_gap(subject.logits(), before) < kRounding);
  BOOST_TEST(removal.gap < 1e-12);
}

BOOST_AUTO_TEST_CASE(a_channel_that_is_constant_but_not_zero_stays) {
  Subject subject(model_json("lenet5-caffe"), DType::kFloat64);
  const ChannelGraph graph = subject.graph();
  const auto filter = std::ranges::find(graph.classes(), "conv2.weight[4]", &ChannelClass::name);
  BOOST_REQUIRE(filter != graph.classes().end());
  silence(*filter, 0, graph.state());
  BOOST_TEST(subject.remove().layers.empty());
  test::write(test::parameter_named(subject.module(), "conv2.bias").value, 4, 0.0);
  const Tensor logits = subject.logits();
  const Removal removal = subject.remove();
  BOOST_REQUIRE(removal.layers.size() == 2u);
  BOOST_TEST(removal.layers[0].filters == 49);
  BOOST_TEST(removal.layers[1].inputs == removal.layers[1].inputs_before - 1);
  BOOST_TEST(test::relative_gap(subject.logits(), logits) < kRounding);
}

BOOST_AUTO_TEST_CASE(a_norm_whose_mean_is_not_zero_moves_a_silent_filter_away_from_zero) {
  Subject subject(model_json("resnet20"), DType::kFloat64);
  const ChannelGraph graph = subject.graph();
  const auto filter = std::ranges::find(graph.classes(), "layer1.0.conv1.weight[3]", &ChannelClass::name);
  BOOST_REQUIRE(filter != graph.classes().end());
  silence(*filter, 0, graph.state());
  test::write(test::parameter_named(subject.module(), "layer1.0.bn1.bias").value, 3, 0.0);
  test::write(test::parameter_named(subject.module(), "layer1.0.bn1.running_var").value, 3, 0.0);
  BOOST_TEST(subject.remove().layers.empty());
  test::write(test::parameter_named(subject.module(), "layer1.0.bn1.running_mean").value, 3, 0.0);
  const Tensor logits = subject.logits();
  BOOST_TEST(subject.remove().layers.size() == 2u);
  BOOST_TEST(test::relative_gap(subject.logits(), logits) < kRounding);
}

BOOST_AUTO_TEST_CASE(channels_of_a_grouped_convolution_stay) {
  Initial initial{.seed = 3, .dtype = DType::kFloat64};
  auto layers = std::make_unique<Sequential>();
  layers->then("conv1", std::make_unique<Conv>(2, 4, 3, Conv2dAttrs{.pad = 1}, initial))
      .then("relu", make_relu())
      .then("conv2", std::make_unique<Conv>(4, 6, 3, Conv2dAttrs{.pad = 1, .groups = 2}, initial))
      .then("conv3", std::make_unique<Conv>(6, 5, 3, Conv2dAttrs{}, initial))
      .then("conv4", std::make_unique<Conv>(5, 5, 1, Conv2dAttrs{}, initial))
      .then("pool", std::make_unique<GlobalMean>())
      .then("fc", std::make_unique<Linear>(5, 3, initial));
  LayerClassifier net(std::move(layers));
  for (const char* name : {"conv1.weight", "conv3.weight"}) {
    Tensor& weight = test::parameter_named(net, name).value;
    for (std::int64_t i = 0; i < 9; ++i)  // a kernel of the first filter
      test::write(weight, i, 0.0);
    for (std::int64_t i = weight.numel() / weight.size(0); i < 2 * weight.numel() / weight.size(0); ++i)
      test::write(weight, i, 0.0);
  }
  const Forward forward = [&](const Context& c, const Variable& x) { return net.forward(c, x).logits; };
  const Removal removal = remove_channels(forward, net, {2, 8, 8});
  BOOST_REQUIRE(removal.layers.size() == 2u);
  BOOST_TEST(removal.layers[0].name == "conv3.weight");
  BOOST_TEST(removal.layers[0].filters == 4);
  BOOST_TEST(removal.layers[1].inputs == 4);
}

BOOST_AUTO_TEST_CASE(a_block_that_does_nothing_keeps_one_channel) {
  Subject subject(model_json("resnet20"), DType::kFloat64);
  Tensor& conv = test::parameter_named(subject.module(), "layer2.1.conv2.weight").value;
  fill(conv, 0.0);
  const Tensor logits = subject.logits();
  subject.remove();
  BOOST_TEST(test::parameter_named(subject.module(), "layer2.1.conv1.weight").value.size(0) == 1);
  BOOST_TEST(test::relative_gap(subject.logits(), logits) < kRounding);
}

BOOST_AUTO_TEST_CASE(what_is_kept_beside_a_parameter_shrinks_with_it) {
  Subject subject(model_json("resnet20"), DType::kFloat64);
  mask_some(subject, 0.5);
  const auto before = tensors_of(subject.module());
  const Removal removal = subject.remove();
  for (const Parameter* parameter : subject.module().state()) {
    if (parameter->value.rank() > 0)
      BOOST_TEST(test::has_equal_bits(kept_part(before.at(parameter->name), removal.kept.at(parameter->name)),
                                      parameter->value),
                 parameter->name);
  }
  const KeptIndices corner{.rows = {1}, .columns = {0, 2}};
  const Tensor matrix = Tensor::from({0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f}, {2, 3});
  BOOST_TEST(test::has_equal_bits(kept_part(matrix, corner), Tensor::from({3.0f, 5.0f}, {1, 2})));
  BOOST_CHECK_EXCEPTION(kept_part(matrix, {.rows = {2}, .columns = {0}}), ShapeError, (Says{{"[2,3]", "before"}}));
}

BOOST_AUTO_TEST_CASE(filters_are_left_in_multiples) {
  for (const char* name : {"resnet20", "DARTS_V2"}) {
    Subject subject(description_of(name), DType::kFloat64);
    const auto before = tensors_of(subject.module());
    mask_some(subject, 0.7);
    const Tensor logits = subject.logits();
    subject.remove({.multiple = 4});
    for (const Parameter* weight : subject.weights()) {
      const Shape& shape = weight->value.shape();
      if (shape.rank() == 4)
        BOOST_TEST((shape[0] % 4 == 0 || shape[0] == before.at(weight->name).size(0)), weight->name);
    }
    BOOST_TEST(test::relative_gap(subject.logits(), logits) < kRounding);
  }
}

BOOST_AUTO_TEST_CASE(a_network_of_zeros_is_refused_and_stays) {
  Subject subject(model_json("resnet20"), DType::kFloat32);
  mask_some(subject, 1.1);
  const std::int64_t elements = elements_of(subject.module());
  BOOST_CHECK_EXCEPTION(subject.remove(), UsageError, (Says{{"none of the", "prune less"}}));
  BOOST_TEST(elements_of(subject.module()) == elements);
  BOOST_CHECK_EXCEPTION(subject.remove({.multiple = 0}), UsageError, (Says{{"multiple of 0", "1 or more"}}));
}

BOOST_AUTO_TEST_CASE(weights_that_inference_does_not_use_are_refused) {
  EvaluationSpec spec = test::tiny_evaluation(32);
  spec.has_auxiliary_head = true;
  Initial initial;
  EvaluationNetwork net(load_genotype("DARTS_V2"), spec, initial);
  const Forward forward = [&](const Context& c, const Variable& x) { return net.forward(c, x).logits; };
  BOOST_CHECK_EXCEPTION(remove_channels(forward, net, {3, 32, 32}), UsageError,
                        (Says{{"auxiliary_head.", "takes no part", "without"}}));
}

BOOST_AUTO_TEST_CASE(an_op_without_a_rule_is_named) {
  Subject subject(model_json("lenet5"), DType::kFloat32);
  const Forward forward = [&](const Context& context, const Variable& x) {
    return subject.network.logits(context, channel_dropout(x, {.p = 0.5, .key = context.key}));
  };
  BOOST_CHECK_EXCEPTION(ChannelGraph(forward, subject.module(), subject.image()), Error,
                        (Says{{"channel_dropout", "no rule", "rules.cpp"}}));
}

BOOST_AUTO_TEST_CASE(descriptions_that_do_not_fit_are_refused) {
  Subject subject(model_json("resnet20"), DType::kFloat32);
  mask_some(subject, 0.5);
  subject.remove();
  const auto channels = narrowed_json(subject.module());
  const auto refused = [&](const nlohmann::ordered_json& damaged, std::initializer_list<std::string_view> parts) {
    nlohmann::ordered_json json = subject.description;
    json["narrowed"] = damaged;
    BOOST_CHECK_EXCEPTION(restore_network(json, tensors_of(subject.module()), DType::kFloat32), CheckpointError,
                          (Says{parts}));
  };
  const auto with = [&](const char* part, const char* key, const nlohmann::ordered_json& value) {
    nlohmann::ordered_json damaged = channels;
    damaged[part][key] = value;
    return damaged;
  };
  refused(with("shapes", "conv1.weight", {17, 2, 3, 3}), {"conv1.weight", "[17,2,3,3]", "no part of [16,2,3,3]"});
  refused(with("shapes", "conv1.weight", {0, 2, 3, 3}), {"conv1.weight", "[0,2,3,3]"});
  refused(with("shapes", "conv1.weight", {1, 2, 3, 3}), {"conv1.weight has shape"});
  refused(with("shapes", "conv1.weight", "all"), {"conv1.weight", "a list"});
  refused(with("counts", "layer2.0.downsample", {9, 0}), {"layer2.0.downsample", "not larger"});
  refused(with("counts", "layer2.0.downsample", {0, 0}), {"do not fit one another"});
  refused(with("counts", "fc", {3, 2}), {"fc", "columns"});
  refused(with("counts", "fc", {1, 0}), {"fc", "columns"});
  nlohmann::ordered_json damaged = channels;
  damaged.erase("counts");
  refused(damaged, {"lacks 'counts'"});
  damaged["shapes"].erase("conv1.weight");
  refused(damaged, {"lacks 'conv1.weight'"});
  refused(7, {"lacks 'shapes'"});
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham::nas
