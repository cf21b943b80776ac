// ResNet-20 and ResNet-56 for small images. He, Zhang, Ren, Sun 2016 (arXiv:1512.03385), section 4.2: three stages of n
// blocks, 16 to 64 channels, 6 n + 2 layers. With the paper's shortcuts (option A) 269,722 and 853,018 parameters on
// CIFAR-10; projected (option B) 272,474 and 855,770.
#include "engine/error.h"
#include "nas/models/layer_classifier.h"
#include "nas/models/model.h"
#include "nas/models/residual.h"

namespace ockham::nas {
namespace {

std::unique_ptr<Classifier> make_resnet(const ModelSpec& s, std::int64_t blocks, Initial& initial) {
  if (s.image_size % 4 != 0)
    throw UsageError(concat(s.name, ": images of ", s.image_size,
                            " pixels cannot be halved twice; use an --image-size divisible by 4."));
  const auto shortcut = [&](std::int64_t in, std::int64_t out, std::int64_t stride) -> std::unique_ptr<Layer> {
    if (s.shortcut == Shortcut::kProjected)
      return make_projection(in, out, stride, initial);
    return std::make_unique<PaddedShortcut>(in, out, PaddedShortcut::Options{.stride = stride, .centres = true});
  };
  auto layers = std::make_unique<Sequential>();
  layers->then("conv1", make_he_conv(s.image_channels, 16, 3, 1, initial))
      .then("bn1", std::make_unique<BatchNorm>(16, true, initial))
      .then("relu", make_relu());
  const std::int64_t width = add_stages(*layers, 3, blocks, 16, shortcut, initial);
  layers->then("avgpool", std::make_unique<GlobalMean>())
      .then("fc", std::make_unique<Linear>(width, s.classes, initial));
  return std::make_unique<LayerClassifier>(std::move(layers));
}

}  // namespace

std::vector<ModelEntry> resnet_cifar_models() {
  return {
      {"resnet20", "He et al. 2016", {"shortcut"}, [](const ModelSpec& s, Initial& i) { return make_resnet(s, 3, i); }},
      {"resnet56", "He et al. 2016", {"shortcut"}, [](const ModelSpec& s, Initial& i) {
         return make_resnet(s, 9, i);
       }}};
}

}  // namespace ockham::nas
