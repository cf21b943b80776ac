// PyramidNet: residual blocks whose channels grow by the same number each. Han, Kim, Kim 2017 (arXiv:1610.02915),
// sections 3 and 4, basic blocks BN-conv-BN-ReLU-conv-BN with zero-padded shortcuts. On CIFAR-10, at depth 110, a
// widening of 48 gives 1,772,706 parameters, of 84 3,904,446 (their table 4: 1.7 and 3.8 million).
#include "engine/error.h"
#include "nas/layers/plain.h"
#include "nas/models/layer_classifier.h"
#include "nas/models/model.h"

namespace ockham::nas {
namespace {

class PyramidBlock : public Layer {
 public:
  PyramidBlock(std::int64_t in, std::int64_t out, std::int64_t stride, Initial& initial)
      : body_(add("", make_body(in, out, stride, initial))),
        shortcut_(add("downsample", std::make_unique<PaddedShortcut>(
                                        in, out, PaddedShortcut::Options{.stride = stride, .averages = true}))) {}
  Variable forward(const Context& context, const Variable& x) override {
    const std::vector<Deferred> terms{deferred(context, body_, {.z = x}), deferred(context, shortcut_, {.z = x})};
    return added(context, terms);
  }

 private:
  static std::unique_ptr<Layer> make_body(std::int64_t in, std::int64_t out, std::int64_t stride, Initial& initial) {
    auto body = std::make_unique<Sequential>();
    body->then("bn1", std::make_unique<BatchNorm>(in, true, initial))
        .then("conv1", make_he_conv(in, out, 3, stride, initial))
        .then("bn2", std::make_unique<BatchNorm>(out, true, initial))
        .then("relu", make_relu())
        .then("conv2", make_he_conv(out, out, 3, 1, initial))
        .then("bn3", std::make_unique<BatchNorm>(out, true, initial));
    return body;
  }

  Layer& body_;
  Layer& shortcut_;
};

void check(const ModelSpec& s) {
  if (s.depth < 8 || s.depth % 6 != 2)
    throw UsageError(
        concat("pyramidnet: a depth of ", s.depth, " is none of 6 n + 2; use --depth 110, or 20, 56 and the like."));
  if (s.image_size % 4 != 0)
    throw UsageError(concat("pyramidnet: images of ", s.image_size,
                            " pixels cannot be halved twice; use an --image-size divisible by 4."));
}

std::unique_ptr<Classifier> make_pyramidnet(const ModelSpec& s, Initial& initial) {
  check(s);
  constexpr std::int64_t kFirst = 16;
  const std::int64_t blocks = (s.depth - 2) / 6;
  auto layers = std::make_unique<Sequential>();
  layers->then("conv1", make_he_conv(s.image_channels, kFirst, 3, 1, initial))
      .then("bn1", std::make_unique<BatchNorm>(kFirst, true, initial));
  std::int64_t in = kFirst;
  for (std::int64_t i = 0; i < 3 * blocks; ++i) {
    // 16 + widening (i + 1) / (3 blocks), rounded
    const std::int64_t out = kFirst + (2 * s.widening * (i + 1) + 3 * blocks) / (6 * blocks);
    const std::int64_t stride = i > 0 && i % blocks == 0 ? 2 : 1;
    layers->then(ockham::concat("layer", i / blocks + 1, ".", i % blocks),
                 std::make_unique<PyramidBlock>(in, out, stride, initial));
    in = out;
  }
  layers->then("bn_final", std::make_unique<BatchNorm>(in, true, initial))
      .then("relu_final", make_relu())
      .then("avgpool", std::make_unique<GlobalMean>())
      .then("fc", std::make_unique<Linear>(in, s.classes, initial));
  return std::make_unique<LayerClassifier>(std::move(layers));
}

}  // namespace

std::vector<ModelEntry> pyramidnet_models() {
  return {{"pyramidnet", "Han et al. 2017", {"depth", "widening"}, make_pyramidnet}};
}

}  // namespace ockham::nas
