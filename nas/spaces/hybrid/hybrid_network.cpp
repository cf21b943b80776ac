#include "nas/spaces/hybrid/hybrid_network.h"

#include <cmath>

#include "engine/error.h"
#include "ops/concat/concat.h"
#include "ops/global_avg_pool/global_avg_pool.h"
#include "ops/relu/relu.h"
#include "ops/shift2d/shift2d.h"

namespace ockham::nas {
namespace {

/// Adds layers to sequences and notes the gates on the way.
struct Builder {
  const GateOptions& options;
  std::vector<GatedGroup>& groups;
  Initial& initial;

  std::unique_ptr<Conv> conv(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride) {
    auto layer = std::make_unique<Conv>(in, out, kernel, Conv2dAttrs{.stride = stride, .pad = kernel / 2}, initial);
    Tensor& weight = layer->weight().value;
    weight = initial.normal(weight.shape(), std::sqrt(2.0 / static_cast<double>(kernel * kernel * out)));
    return layer;
  }

  void then_gated_conv(Sequential& to, std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride) {
    auto gate = std::make_unique<ChannelGate>(in, options, groups.size(), initial);
    auto layer = conv(in, out, kernel, stride);
    groups.push_back(gate->group(layer->weight()));
    to.then(std::move(gate)).then(std::move(layer));
  }

  std::unique_ptr<Sequential> branch(std::int64_t in, std::int64_t out, std::int64_t stride) {
    auto result = std::make_unique<Sequential>();
    result->then(make_relu());
    then_gated_conv(*result, in, out, 3, stride);
    result->then(std::make_unique<BatchNorm>(out, true, initial)).then(make_relu());
    then_gated_conv(*result, out, out, 3, 1);
    result->then(std::make_unique<BatchNorm>(out, true, initial));
    return result;
  }

  std::unique_ptr<Sequential> pointwise(std::int64_t in, std::int64_t out, std::int64_t stride) {
    auto result = std::make_unique<Sequential>();
    then_gated_conv(*result, in, out, 1, stride);
    return result;
  }
};

/// The skip of a block that widens: a gated ShiftedPair between ReLU and batch norm.
class WideningSkip : public Layer {
 public:
  WideningSkip(std::int64_t in, std::int64_t out, std::int64_t stride, Builder& builder)
      : first_(add("conv_1", builder.pointwise(in, out / 2, stride))),
        second_(add("conv_2", builder.pointwise(in, out - out / 2, stride))),
        norm_(add("bn", std::make_unique<BatchNorm>(out, true, builder.initial))) {}

  Variable forward(const Context& context, const Variable& x) override {
    const Variable y = relu(x);
    const Variable first = first_.forward(context, y);
    return norm_.forward(context, concat({first, second_.forward(context, shift2d(y, 1, 1))}));
  }

 private:
  Layer& first_;
  Layer& second_;
  Layer& norm_;
};

class Block : public Layer {
 public:
  Block(std::int64_t in, std::int64_t out, std::int64_t stride, std::int64_t branches, Builder& builder) {
    terms_.push_back(in == out ? &add("skip", make_identity())
                               : &add("skip", std::unique_ptr<Layer>(new WideningSkip(in, out, stride, builder))));
    for (std::int64_t b = 0; b < branches; ++b)
      terms_.push_back(&add(ockham::concat("branches.", b), builder.branch(in, out, stride)));
  }

  Variable forward(const Context& context, const Variable& x) override {
    std::vector<Deferred> terms;
    for (Layer* term : terms_)
      terms.push_back(deferred(context, *term, {.z = x}));
    return added(context, terms);
  }

 private:
  std::vector<Layer*> terms_;
};

void check(const HybridSpec& s) {
  if (s.stem < 1 || s.width < 2 || s.blocks_per_stage < 1 || s.branches < 1 || s.classes < 1 || s.image_channels < 1)
    throw UsageError(concat("hybrid network: stem ", s.stem, ", width ", s.width, ", ", s.blocks_per_stage,
                            " blocks a stage, ", s.branches, " branches, ", s.classes, " classes, ", s.image_channels,
                            " image channels; all must be at least 1 and the width 2."));
}

}  // namespace

HybridNetwork::HybridNetwork(const HybridSpec& spec, Initial& initial) {
  check(spec);
  Builder builder{spec.gates, groups_, initial};
  auto stem = std::make_unique<Sequential>();
  stem->then(builder.conv(spec.image_channels, spec.stem, 3, 1))
      .then(std::make_unique<BatchNorm>(spec.stem, true, initial));
  stem_ = &add("stem", std::move(stem));
  std::int64_t in = spec.stem;
  for (std::int64_t i = 0; i < 3 * spec.blocks_per_stage; ++i) {
    const std::int64_t stage = i / spec.blocks_per_stage;
    const std::int64_t out = spec.width << stage;
    const std::int64_t stride = stage > 0 && i % spec.blocks_per_stage == 0 ? 2 : 1;
    blocks_.push_back(&add(concat("blocks.", i), std::make_unique<Block>(in, out, stride, spec.branches, builder)));
    in = out;
  }
  classifier_ = &add("classifier", std::make_unique<Linear>(in, spec.classes, initial));
}

Variable HybridNetwork::forward(const Context& context, const Variable& images) {
  Variable x = stem_->forward(context, images);
  for (Layer* block : blocks_)
    x = block->forward(context, x);
  return classifier_->forward(context, global_avg_pool(relu(x)));
}

}  // namespace ockham::nas
