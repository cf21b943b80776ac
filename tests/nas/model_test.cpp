// Models of the literature: their published sizes, the names of their parameters, and what each computes.
#include "nas/models/model.h"

#include <boost/test/data/test_case.hpp>

#include "autograd/reverse.h"
#include "nas/cost.h"
#include "nas/layers/whitening.h"
#include "nas/saved/saved_network.h"
#include "tests/nas/networks.h"
#include "tests/support.h"

namespace ockham::nas {
namespace {

using test::has_parameter;
using test::noise;

std::int64_t weights_of(const ModelSpec& spec) {
  Initial initial;
  return count_elements(make_model(spec, initial)->parameters(ParameterKind::kWeight));
}

constexpr std::int64_t kMnist = 28;

/// A spec of each model that is quick to compute.
std::vector<ModelSpec> small_models() {
  std::vector<ModelSpec> specs;
  for (const ModelEntry& entry : models())
    specs.push_back({.name = std::string(entry.name),
                     .classes = 3,
                     .image_channels = 2,
                     .image_size = 16,
                     .depth = 8,
                     .widening = 9,
                     .width = 4});
  return specs;
}

}  // namespace

static std::ostream& operator<<(std::ostream& out, const ModelSpec& spec) {
  return out << spec.name;
}

BOOST_AUTO_TEST_SUITE(model)

BOOST_AUTO_TEST_CASE(networks_for_digits_have_the_published_sizes) {
  BOOST_TEST(weights_of({.name = "lenet300", .image_channels = 1, .image_size = kMnist}) == 266610);
  BOOST_TEST(weights_of({.name = "lenet5", .image_channels = 1, .image_size = kMnist}) == 61706);
  BOOST_TEST(weights_of({.name = "lenet5-caffe", .image_channels = 1, .image_size = kMnist}) == 431080);
}

BOOST_AUTO_TEST_CASE(residual_networks_have_the_published_sizes) {
  BOOST_TEST(weights_of({.name = "resnet20"}) == 269722);
  BOOST_TEST(weights_of({.name = "resnet20", .shortcut = Shortcut::kProjected}) == 272474);
  BOOST_TEST(weights_of({.name = "resnet56"}) == 853018);
  BOOST_TEST(weights_of({.name = "resnet56", .shortcut = Shortcut::kProjected}) == 855770);
  BOOST_TEST(weights_of({.name = "resnet18"}) == 11173962);
  BOOST_TEST(weights_of({.name = "resnet18", .classes = 1000, .image_size = 224, .stem = Stem::kImageNet}) == 11689512);
}

// Han et al. 2017, table 4: 1.7M, 3.8M, 28.3M; to the unit, osmr/imgclsmob.
BOOST_AUTO_TEST_CASE(pyramids_have_the_published_sizes) {
  BOOST_TEST(weights_of({.name = "pyramidnet"}) == 1772706);
  BOOST_TEST(weights_of({.name = "pyramidnet", .widening = 84}) == 3904446);
  BOOST_TEST(weights_of({.name = "pyramidnet", .widening = 270}) == 28485477);
}

BOOST_AUTO_TEST_CASE(the_network_for_speed_has_the_size_that_its_file_states) {
  BOOST_TEST(weights_of({.name = "speed"}) == 1972778);
  BOOST_TEST(weights_of({.name = "speed", .whitens = true}) == 1972778 - 288);
  BOOST_TEST(weights_of({.name = "speed", .scales_norms = false}) == 1972778 - 1152);
}

BOOST_AUTO_TEST_CASE(resnet18_has_the_names_of_torchvision) {
  Initial initial;
  const auto net = make_model({.name = "resnet18"}, initial);
  for (const char* name : {"conv1.weight", "bn1.running_mean", "layer1.0.conv1.weight", "layer1.1.bn2.bias",
                           "layer2.0.downsample.0.weight", "layer2.0.downsample.1.num_batches_tracked",
                           "layer4.1.conv2.weight", "fc.weight", "fc.bias"})
    BOOST_TEST(has_parameter(*net, name), name << " is missing");
  BOOST_TEST(!has_parameter(*net, "layer1.0.downsample.0.weight"));
}

BOOST_AUTO_TEST_CASE(multiply_adds_are_those_of_the_literature) {
  const auto macs_of = [](const ModelSpec& spec) {
    Initial initial;
    const auto net = make_model(spec, initial);
    return count_macs([&](const Context& c, const Variable& x) { return net->forward(c, x).logits; },
                      spec.image_channels, spec.image_size);
  };
  // 7x7 stem 118,013,952, 17 3x3 and 3 1x1 convolutions, 512,000 of the classifier: 1.8 G (He et al. 2016, table 1).
  BOOST_TEST(macs_of({.name = "resnet18", .classes = 1000, .image_size = 224, .stem = Stem::kImageNet}) == 1814073344);
  BOOST_TEST(macs_of({.name = "lenet300", .image_channels = 1, .image_size = kMnist}) == 266200);
}

BOOST_DATA_TEST_CASE(fused_and_plain_passes_agree, small_models(), spec) {
  Initial initial{.seed = 3, .dtype = DType::kFloat64};
  const auto net = make_model(spec, initial);
  test::shake(*net);
  const Tensor images = noise({3, 2, 16, 16}, DType::kFloat64, 1);
  for (const BatchNormMode mode : {BatchNormMode::kRunning, BatchNormMode::kBatch}) {
    const Tensor fused = net->forward({.batch_norm = mode}, images).logits.value();
    const Tensor plain = net->forward({.batch_norm = mode, .fuses = false}, images).logits.value();
    BOOST_TEST(fused.shape() == (Shape{3, 3}));
    BOOST_TEST(test::relative_gap(fused, plain) < 1e-10);
  }
}

BOOST_DATA_TEST_CASE(every_weight_gets_a_gradient, small_models(), spec) {
  Initial initial{.seed = 3};
  const auto net = make_model(spec, initial);
  Tape tape;
  const Context context{.tape = &tape, .batch_norm = BatchNormMode::kBatch, .is_training = true};
  const Batch batch = test::noise_batch(4, {.classes = 3, .image_channels = 2, .image_size = 16}, DType::kFloat32);
  backward(softmax_cross_entropy(net->forward(context, batch.images).logits, batch.labels));
  for (const Parameter* weight : net->parameters(ParameterKind::kWeight)) {
    BOOST_TEST(weight->grad.is_defined(), weight->name);
    if (weight->grad.is_defined())
      BOOST_TEST(max_abs(weight->grad) > 0.0, weight->name);
  }
}

BOOST_DATA_TEST_CASE(a_model_comes_back_from_its_description_and_tensors, small_models(), spec) {
  Initial initial{.seed = 3};
  const auto net = make_model(spec, initial);
  test::shake(*net);
  std::map<std::string, Tensor> tensors;
  for (const Parameter* parameter : net->state())
    tensors.emplace(parameter->name, parameter->value);
  SavedNetwork again = restore_network(to_json(spec), tensors, DType::kFloat32);
  BOOST_REQUIRE(again.model);
  BOOST_TEST(again.frame.image_size == 16);
  const Tensor images = noise({2, 2, 16, 16}, DType::kFloat32, 1);
  BOOST_TEST(test::has_equal_bits(again.logits({}, images).value(), net->forward({}, images).logits.value()));
}

BOOST_AUTO_TEST_CASE(impossible_models_are_refused) {
  Initial initial;
  BOOST_CHECK_EXCEPTION(make_model({.name = "resnet19"}, initial), UsageError,
                        (test::Says{{"resnet19", "lenet300", "resnet20"}}));
  BOOST_CHECK_EXCEPTION(make_model({.name = "pyramidnet", .depth = 109}, initial), UsageError,
                        (test::Says{{"109", "6 n + 2"}}));
  BOOST_CHECK_EXCEPTION(make_model({.name = "resnet18", .image_size = 28}, initial), UsageError,
                        (test::Says{{"28 pixels", "divisible by 8"}}));
  BOOST_CHECK_EXCEPTION(make_model({.name = "lenet5-caffe", .image_size = 8}, initial), UsageError,
                        (test::Says{{"8 pixels", "16 or more"}}));
  BOOST_CHECK_EXCEPTION(make_model({.name = "speed", .image_size = 8}, initial), UsageError,
                        (test::Says{{"8 pixels", "9 to 127"}}));
  nlohmann::ordered_json json = to_json(ModelSpec{.name = "pyramidnet"});
  json["depth"] = 6'000'002;
  BOOST_CHECK_EXCEPTION(restore_network(json, {}, DType::kFloat32), CheckpointError,
                        (test::Says{{"6000002 layers", "0 tensors"}}));
}

BOOST_AUTO_TEST_CASE(whitened_patches_are_uncorrelated_and_of_unit_variance) {
  Initial initial;
  Whitening whitening(3, false, initial);
  // Colours that depend on each other, and neighbours too.
  Tensor images = noise({16, 3, 12, 12}, DType::kFloat32, 1);
  float* x = images.data<float>();
  for (std::int64_t i = 0; i + 13 < images.numel(); ++i)
    x[i] = 0.5f * x[i] + 0.3f * x[i + 1] + 0.2f * x[i + 12] + 0.4f;
  whitening.fit(images);
  const Tensor y = whitening.forward({}, images).value();
  BOOST_TEST(y.shape() == (Shape{16, 24, 11, 11}));
  const auto at = [&](std::int64_t n, std::int64_t k, std::int64_t i) {
    return static_cast<double>(y.data<float>()[(n * 24 + k) * 121 + i]);
  };
  const auto covariance = [&](std::int64_t k, std::int64_t l) {
    double a = 0.0, b = 0.0, product = 0.0;
    for (std::int64_t n = 0; n < 16; ++n) {
      for (std::int64_t i = 0; i < 121; ++i)
        a += at(n, k, i), b += at(n, l, i), product += at(n, k, i) * at(n, l, i);
    }
    constexpr double kCount = 16 * 121;
    return product / kCount - a / kCount * b / kCount;
  };
  for (std::int64_t k = 0; k < 12; ++k) {
    BOOST_TEST(std::abs(covariance(k, k) - 1.0) < 0.05);
    BOOST_TEST(std::abs(covariance(k, k + 12) + covariance(k, k)) < 1e-4);
    for (std::int64_t l = 0; l < k; ++l)
      BOOST_TEST(std::abs(covariance(k, l)) < 1e-3);
  }
  const Tensor filters = test::parameter_named(whitening, "weight").value.clone();
  whitening.fit(images);
  BOOST_TEST(test::has_equal_bits(test::parameter_named(whitening, "weight").value, filters));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham::nas
