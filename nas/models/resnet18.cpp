// ResNet-18. He, Zhang, Ren, Sun 2016 (arXiv:1512.03385), table 1; parameters named as torchvision's. With the ImageNet
// stem and 1000 classes 11,689,512 parameters; for CIFAR-10 one 3x3 convolution takes the place of stem and pool
// (kuangliu/pytorch-cifar): 11,173,962.
#include "engine/error.h"
#include "nas/models/layer_classifier.h"
#include "nas/models/model.h"
#include "nas/models/residual.h"

namespace ockham::nas {
namespace {

std::unique_ptr<Conv> strided_stem(std::int64_t in, std::int64_t out, Initial& initial) {
  return make_he_conv(in, out, 7, 2, initial);
}

std::unique_ptr<Classifier> make_resnet18(const ModelSpec& s, Initial& initial) {
  constexpr std::int64_t kChannels = 64;
  const bool is_imagenet = s.stem == Stem::kImageNet;
  const std::int64_t divisor = is_imagenet ? 32 : 8;
  if (s.image_size % divisor != 0)
    throw UsageError(concat(s.name, ": images of ", s.image_size, " pixels cannot be halved as often as it does; use ",
                            "an --image-size divisible by ", divisor, "."));
  auto layers = std::make_unique<Sequential>();
  layers
      ->then("conv1", is_imagenet ? strided_stem(s.image_channels, kChannels, initial)
                                  : make_he_conv(s.image_channels, kChannels, 3, 1, initial))
      .then("bn1", std::make_unique<BatchNorm>(kChannels, true, initial))
      .then("relu", make_relu());
  if (is_imagenet)
    layers->then("maxpool", std::make_unique<MaxPool>(MaxPool2dAttrs{.kernel = 3, .stride = 2, .pad = 1}));
  const auto shortcut = [&](std::int64_t in, std::int64_t out, std::int64_t stride) {
    return make_projection(in, out, stride, initial);
  };
  const std::int64_t width = add_stages(*layers, 4, 2, kChannels, shortcut, initial);
  layers->then("avgpool", std::make_unique<GlobalMean>())
      .then("fc", std::make_unique<Linear>(width, s.classes, initial));
  return std::make_unique<LayerClassifier>(std::move(layers));
}

}  // namespace

std::vector<ModelEntry> resnet18_models() {
  return {{"resnet18", "He et al. 2016", {"stem"}, make_resnet18}};
}

}  // namespace ockham::nas
