// LeNet-300-100: two hidden layers. LeCun, Bottou, Bengio, Haffner 1998, section III-C; with ReLU, as pruning is
// compared on it (Han et al. 2015, arXiv:1506.02626). 266,610 parameters on MNIST.
#include "nas/layers/plain.h"
#include "nas/models/layer_classifier.h"
#include "nas/models/model.h"

namespace ockham::nas {
namespace {

std::unique_ptr<Classifier> make_lenet300(const ModelSpec& s, Initial& initial) {
  auto layers = std::make_unique<Sequential>();
  layers->then("flatten", std::make_unique<Flatten>())
      .then("fc1", std::make_unique<Linear>(s.image_channels * s.image_size * s.image_size, 300, initial))
      .then("relu1", make_relu())
      .then("fc2", std::make_unique<Linear>(300, 100, initial))
      .then("relu2", make_relu())
      .then("fc3", std::make_unique<Linear>(100, s.classes, initial));
  return std::make_unique<LayerClassifier>(std::move(layers));
}

}  // namespace

std::vector<ModelEntry> lenet300_models() {
  return {{"lenet300", "LeCun et al. 1998; Han et al. 2015", {}, make_lenet300}};
}

}  // namespace ockham::nas
