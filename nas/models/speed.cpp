// A small convolutional network for short training. Jordan 2024 (arXiv:2404.00498, airbench94), after Page 2018 ("How
// to train your ResNet"): a 2x2 convolution, three groups of two 3x3 convolutions with a pool between them, whose first
// filters start as the identity (Zagoruyko and Komodakis 2017, arXiv:1706.00388), a pool of all that is left, logits
// times 1/9. The source has GELU and norms without scale; --recipe fast chooses these. 64 channels: 1,972,778
// parameters on CIFAR-10, of which whitening takes 288 out of training, norms without scale 1,152.
#include <utility>

#include "engine/error.h"
#include "engine/math.h"
#include "nas/layers/plain.h"
#include "nas/layers/whitening.h"
#include "nas/models/layer_classifier.h"
#include "nas/models/model.h"
#include "ops/gelu/gelu.h"
#include "ops/reshape/reshape.h"
#include "ops/scale/scale.h"

namespace ockham::nas {
namespace {

constexpr double kLogitScale = 1.0 / 9.0;

/// The largest of each map: [N, C, H, W] to [N, C].
class GlobalMax : public Layer {
 public:
  Variable forward(const Context&, const Variable& x) override {
    const std::int64_t side = x.shape()[2];
    return reshape(max_pool2d(x, {.kernel = side, .stride = side}), {x.shape()[0], x.shape()[1]});
  }
};

class Gelu : public Layer {
 public:
  Variable forward(const Context&, const Variable& x) override { return gelu(x); }
};

std::unique_ptr<Layer> make_activation(Activation activation) {
  if (activation == Activation::kGelu)
    return std::make_unique<Gelu>();
  return make_relu();
}

class FixedScale : public Layer {
 public:
  explicit FixedScale(double factor) : factor_(factor) {}
  Variable forward(const Context&, const Variable& x) override { return scale(x, factor_); }

 private:
  double factor_;
};

/// A 3x3 convolution whose first filters pass their channel on.
std::unique_ptr<Conv> make_identity_conv(std::int64_t in, std::int64_t out, Initial& initial) {
  auto layer = std::make_unique<Conv>(in, out, 3, Conv2dAttrs{.pad = 1}, initial);
  Tensor weight = layer->weight().value.to(Device{}).to(DType::kFloat64).clone();
  double* w = weight.data<double>();
  for (std::int64_t k = 0; k < std::min(in, out); ++k) {
    std::fill_n(w + k * in * 9, in * 9, 0.0);
    w[(k * in + k) * 9 + 4] = 1.0;
  }
  Tensor& value = layer->weight().value;
  copy(weight.to(value.dtype()).to(value.device()), value);
  return layer;
}

std::unique_ptr<Layer> make_group(std::int64_t in, std::int64_t out, const ModelSpec& s, Initial& initial) {
  const ParameterKind scale = s.scales_norms ? ParameterKind::kWeight : ParameterKind::kBuffer;
  auto group = std::make_unique<Sequential>();
  group->then("conv1", make_identity_conv(in, out, initial))
      .then("pool", std::make_unique<MaxPool>(MaxPool2dAttrs{.kernel = 2, .stride = 2}))
      .then("norm1", std::make_unique<BatchNorm>(out, true, initial, scale))
      .then("act1", make_activation(s.activation))
      .then("conv2", make_identity_conv(out, out, initial))
      .then("norm2", std::make_unique<BatchNorm>(out, true, initial, scale))
      .then("act2", make_activation(s.activation));
  return group;
}

class SpeedNetwork : public Classifier {
 public:
  SpeedNetwork(const ModelSpec& s, Initial& initial) {
    constexpr std::int64_t kFirst = Whitening::kKernel;
    const std::int64_t first = 2 * s.image_channels * kFirst * kFirst;
    if (s.whitens)
      whitening_ = &add("whiten", std::make_unique<Whitening>(s.image_channels, false, initial));
    else
      first_ = &add("whiten", std::make_unique<Conv>(s.image_channels, first, kFirst, Conv2dAttrs{}, initial));
    auto layers = std::make_unique<Sequential>();
    layers->then("act", make_activation(s.activation));
    std::int64_t in = first;
    for (int group = 0; group < 3; ++group) {
      const std::int64_t out = group == 0 ? s.width : 4 * s.width;
      layers->then(ockham::concat("group", group + 1), make_group(std::exchange(in, out), out, s, initial));
    }
    layers->then("pool", std::make_unique<GlobalMax>())
        .then("fc", std::make_unique<Linear>(in, s.classes, initial))
        .then("scale", std::make_unique<FixedScale>(kLogitScale));
    layers_ = &add("", std::move(layers));
  }

  ClassifierOutput forward(const Context& context, const Variable& images) override {
    Layer& first = whitening_ != nullptr ? static_cast<Layer&>(*whitening_) : *first_;
    return {.logits = applied(deferred(context, *layers_, {.z = first.forward(context, images)}))};
  }
  Whitening* whitening() override { return whitening_; }

 private:
  Whitening* whitening_ = nullptr;
  Layer* first_ = nullptr;
  Sequential* layers_ = nullptr;
};

std::unique_ptr<Classifier> make_speed(const ModelSpec& s, Initial& initial) {
  constexpr std::int64_t kLeast = 9,
                         kMost = 127;  // three pools of a map that is a pixel smaller; the last is at most 15
  if (s.image_size < kLeast || s.image_size > kMost)
    throw UsageError(
        concat("speed: images of ", s.image_size, " pixels; it takes ", kLeast, " to ", kMost, ", see --image-size."));
  return std::make_unique<SpeedNetwork>(s, initial);
}

}  // namespace

std::vector<ModelEntry> speed_models() {
  return {{"speed", "Jordan 2024, Page 2018", {"width", "activation", "norm-scale", "whiten"}, make_speed}};
}

}  // namespace ockham::nas
