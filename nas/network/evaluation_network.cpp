#include "nas/network/evaluation_network.h"

#include <algorithm>

#include "ops/channel_dropout/channel_dropout.h"
#include "ops/concat/concat.h"
#include "ops/drop_path/drop_path.h"
#include "ops/global_avg_pool/global_avg_pool.h"

namespace ockham::nas {
namespace {

/// One operation of one edge.
struct Term {
  int from;
  int to;
  bool is_identity;
  Layer* layer;
};

class EvaluationCell : public Cell {
 public:
  EvaluationCell(const FrameSpec& frame, const CellPlace& place, const CellGenotype& genotype,
                 const double& drop_probability, Initial& initial)
      : style_(frame.style),
        channels_(place.channels),
        genotype_(genotype),
        drop_probability_(drop_probability),
        first_stream_(static_cast<std::uint64_t>(place.index) * kStreamsPerCell),
        inputs_(add("", std::make_unique<CellInputs>(frame, place, initial))) {
    for (const GenotypeEdge& edge : genotype.edges) {
      for (Primitive primitive : edge.ops) {
        const OperationOptions options{.channels = place.channels, .stride = edge.stride};
        const bool is_identity = primitive == Primitive::kIdentity && edge.stride == 1;
        terms_.push_back(
            {edge.from, edge.to, is_identity,
             &add(ockham::concat("_ops.", terms_.size()), make_operation(style_, primitive, options, initial))});
      }
    }
  }

  std::int64_t width() const override { return channels_ * static_cast<std::int64_t>(genotype_.concat.size()); }

  Variable forward(const Context& context, const Deferred& older, const Deferred& previous) override {
    std::vector<Deferred> states = inputs_.run(context, older, previous);
    for (int input = 0; input < 2; ++input) {
      Deferred& state = states[static_cast<std::size_t>(input)];
      if (!all_take_deferred(context, input))
        state = {.z = applied(state)};
    }
    for (int node = 0; node < genotype_.nodes; ++node) {
      std::vector<Deferred> terms;
      for (std::size_t t = 0; t < terms_.size(); ++t) {
        if (terms_[t].to == node)
          terms.push_back(term(context, t, states[static_cast<std::size_t>(terms_[t].from)]));
      }
      // A dead node stays undefined; check(genotype) made sure that nothing reads it.
      states.push_back({.z = terms.empty() ? Variable() : added(context, terms)});
    }
    std::vector<Variable> output;
    for (int node : genotype_.concat)
      output.push_back(states[static_cast<std::size_t>(node_id(node))].z);
    return output.size() == 1 ? output[0] : ockham::concat(output);
  }

 private:
  static constexpr std::uint64_t kStreamsPerCell = 256;
  static constexpr std::uint64_t kStreamsPerStep = kStreamsPerCell * 64;

  bool drops(const Context& context) const {
    return context.is_training && (context.moving.is_defined() || drop_probability_ > 0.0);
  }

  /// Can every reader of an input of the cell do without a tensor of what its pre-processor defers?
  bool all_take_deferred(const Context& context, int input) const {
    return !drops(context) && std::ranges::all_of(terms_, [&](const Term& term) {
      return term.from != input || term.layer->takes_deferred();
    });
  }

  Deferred term(const Context& context, std::size_t t, const Deferred& x) {
    Layer& layer = *terms_[t].layer;
    if (!drops(context))
      return deferred(context, layer, x);
    return {.z = dropped(context, t, layer.forward(context, x.z))};
  }

  Variable dropped(const Context& context, std::size_t t, const Variable& y) const {
    DropAttrs attrs{.p = drop_probability_, .key = context.key, .moving = context.moving, .stride = kStreamsPerStep};
    attrs.key.step = context.key.step * kStreamsPerStep + first_stream_ + t;
    if (style_ == Style::kBayesNas) {
      attrs.key.purpose = Purpose::kDropout;
      return channel_dropout(y, attrs);
    }
    attrs.key.purpose = Purpose::kDropPath;
    return terms_[t].is_identity ? y : drop_path(y, attrs);
  }

  Style style_;
  std::int64_t channels_;
  CellGenotype genotype_;
  const double& drop_probability_;
  std::uint64_t first_stream_;
  CellInputs& inputs_;
  std::vector<Term> terms_;
};

/// Liu et al. 2019, AuxiliaryHeadCIFAR and AuxiliaryHeadImageNet: pools the 8x8 (7x7) map to 2x2, two convolutions,
/// linear. A larger map is averaged. The published ImageNet head has no batch norm after its last convolution.
class AuxiliaryHead : public Layer {
 public:
  AuxiliaryHead(Stem stem, std::int64_t channels, std::int64_t classes, Initial& initial)
      : features_(add("features", make_features(stem, channels, initial))),
        classifier_(add("classifier", std::make_unique<Linear>(768, classes, initial))) {}
  Variable forward(const Context& context, const Variable& x) override {
    return classifier_.forward(context, global_avg_pool(features_.forward(context, x)));
  }

 private:
  static std::unique_ptr<Sequential> make_features(Stem stem, std::int64_t channels, Initial& initial) {
    const std::int64_t stride = stem == Stem::kImageNet ? 2 : 3;
    auto features = std::make_unique<Sequential>();
    features->then(make_relu())
        .then(std::make_unique<AvgPool>(
            AvgPool2dAttrs{.kernel = 5, .stride = stride, .pad = 0, .count_include_pad = false}))
        .then(std::make_unique<Conv>(channels, 128, 1, Conv2dAttrs{}, initial))
        .then(std::make_unique<BatchNorm>(128, true, initial))
        .then(make_relu())
        .then(std::make_unique<Conv>(128, 768, 2, Conv2dAttrs{}, initial));
    if (stem == Stem::kCifar)
      features->then(std::make_unique<BatchNorm>(768, true, initial));
    features->then(make_relu());
    return features;
  }
  Sequential& features_;
  Linear& classifier_;
};

}  // namespace

EvaluationNetwork::~EvaluationNetwork() = default;

EvaluationNetwork::EvaluationNetwork(const Genotype& genotype, EvaluationSpec spec, Initial& initial) {
  check(genotype);
  spec.frame.style = parse_style(genotype.space);
  spec.frame.head_has_relu = false;
  const auto make_cell = [&](const CellPlace& place) {
    const CellGenotype& cell = place.kind == CellKind::kReduction ? genotype.reduce : genotype.normal;
    return std::make_unique<EvaluationCell>(spec.frame, place, cell, drop_probability_, initial);
  };
  frame_ = &add("", std::make_unique<Frame>(spec.frame, initial, make_cell));
  if (spec.has_auxiliary_head) {
    const bool is_imagenet = spec.frame.stem == Stem::kImageNet;
    const std::int64_t map = spec.frame.image_size / (is_imagenet ? 32 : 4);
    const std::int64_t least = is_imagenet ? 7 : 8;
    if (map < least)
      throw UsageError(ockham::concat("auxiliary head: its input map is ", map, "x", map, ", but it pools at least ",
                                      least, "x", least, "; use images of ", is_imagenet ? 224 : 32,
                                      " pixels or more, or no --auxiliary."));
    const std::int64_t channels = frame_->width_after(2 * spec.frame.cells / 3);
    auxiliary_ =
        &add("auxiliary_head", std::make_unique<AuxiliaryHead>(spec.frame.stem, channels, spec.frame.classes, initial));
  }
}

ClassifierOutput EvaluationNetwork::forward(const Context& context, const Variable& images) {
  ClassifierOutput output;
  const std::int64_t tapped = 2 * frame_->spec().cells / 3;
  output.logits = frame_->forward(context, images, [&](std::int64_t index, const Variable& x) {
    if (auxiliary_ != nullptr && context.is_training && index == tapped)
      output.auxiliary = auxiliary_->forward(context, x);
  });
  return output;
}

}  // namespace ockham::nas
