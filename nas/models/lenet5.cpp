// LeNet-5 in its two forms. LeCun, Bottou, Bengio, Haffner 1998, section II-B: 6-16-120-84 with tanh and averages; as
// usual today every map of C3 reads all of S2, S2 and S4 have no coefficients, and the output is linear: 61,706
// parameters on MNIST. Caffe's example (BVLC/caffe, lenet_train_test.prototxt): 20-50-500, max pools, one ReLU:
// 431,080, the form that pruning is compared on.
#include "engine/error.h"
#include "nas/layers/plain.h"
#include "nas/models/layer_classifier.h"
#include "nas/models/model.h"

namespace ockham::nas {
namespace {

/// Side of the map after conv 5x5, pool 2, conv 5x5, pool 2. @throws UsageError if nothing is left
std::int64_t map_after_pools(const ModelSpec& s, std::int64_t pad) {
  const std::int64_t side = ((s.image_size + 2 * pad - 4) / 2 - 4) / 2;
  if (side < 1)
    throw UsageError(concat(s.name, ": images of ", s.image_size, " pixels are too small for it; use --image-size ",
                            16 - 2 * pad, " or more."));
  return side;
}

std::unique_ptr<Classifier> make_lenet5(const ModelSpec& s, Initial& initial) {
  constexpr std::int64_t kPad = 2;  // 28 pixels of MNIST in the 32 of the paper
  const std::int64_t side = map_after_pools(s, kPad);
  auto layers = std::make_unique<Sequential>();
  layers->then("conv1", std::make_unique<BiasedConv>(s.image_channels, 6, 5, Conv2dAttrs{.pad = kPad}, initial))
      .then("tanh1", std::make_unique<Tanh>())
      .then("pool1", std::make_unique<AvgPool>(AvgPool2dAttrs{.kernel = 2, .stride = 2}))
      .then("conv2", std::make_unique<BiasedConv>(6, 16, 5, Conv2dAttrs{}, initial))
      .then("tanh2", std::make_unique<Tanh>())
      .then("pool2", std::make_unique<AvgPool>(AvgPool2dAttrs{.kernel = 2, .stride = 2}))
      .then("flatten", std::make_unique<Flatten>())
      .then("fc1", std::make_unique<Linear>(16 * side * side, 120, initial))
      .then("tanh3", std::make_unique<Tanh>())
      .then("fc2", std::make_unique<Linear>(120, 84, initial))
      .then("tanh4", std::make_unique<Tanh>())
      .then("fc3", std::make_unique<Linear>(84, s.classes, initial));
  return std::make_unique<LayerClassifier>(std::move(layers));
}

std::unique_ptr<Classifier> make_lenet5_caffe(const ModelSpec& s, Initial& initial) {
  const std::int64_t side = map_after_pools(s, 0);
  auto layers = std::make_unique<Sequential>();
  layers->then("conv1", std::make_unique<BiasedConv>(s.image_channels, 20, 5, Conv2dAttrs{}, initial))
      .then("pool1", std::make_unique<MaxPool>(MaxPool2dAttrs{.kernel = 2, .stride = 2}))
      .then("conv2", std::make_unique<BiasedConv>(20, 50, 5, Conv2dAttrs{}, initial))
      .then("pool2", std::make_unique<MaxPool>(MaxPool2dAttrs{.kernel = 2, .stride = 2}))
      .then("flatten", std::make_unique<Flatten>())
      .then("fc1", std::make_unique<Linear>(50 * side * side, 500, initial))
      .then("relu", make_relu())
      .then("fc2", std::make_unique<Linear>(500, s.classes, initial));
  return std::make_unique<LayerClassifier>(std::move(layers));
}

}  // namespace

std::vector<ModelEntry> lenet5_models() {
  return {{"lenet5", "LeCun et al. 1998", {}, make_lenet5},
          {"lenet5-caffe", "Caffe's example, after LeCun et al. 1998", {}, make_lenet5_caffe}};
}

}  // namespace ockham::nas
