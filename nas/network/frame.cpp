#include "nas/network/frame.h"

#include <utility>

#include "ops/global_avg_pool/global_avg_pool.h"
#include "ops/relu/relu.h"

namespace ockham::nas {
namespace {

void check(const FrameSpec& s) {
  if (s.channels < 1 || s.cells < 1 || s.classes < 2 || s.image_channels < 1 || s.image_size < 1)
    throw UsageError(concat("network: channels ", s.channels, ", cells ", s.cells, ", classes ", s.classes,
                            ", image channels ", s.image_channels, ", image size ", s.image_size,
                            "; all must be positive and classes at least 2."));
  std::int64_t map = s.image_size;
  if (s.stem == Stem::kImageNet) {
    if (map % 32 != 0)
      throw UsageError(concat("network: an image of ", map,
                              " pixels is not divisible by 32, which the ImageNet stem "
                              "and two reductions need; use --image-size 224 or another multiple."));
    map /= 8;
  }
  for (std::int64_t i = 0; i < s.cells; ++i) {
    if (!is_reduction(i, s.cells))
      continue;
    if (map % 2 != 0)
      throw UsageError(concat("network: cell ", i, " would halve an odd map of ", map, "x", map, " (image size ",
                              s.image_size, "); use an image size divisible by ", s.stem == Stem::kImageNet ? 32 : 4,
                              "."));
    map /= 2;
  }
}

std::unique_ptr<Conv> conv3x3(std::int64_t in, std::int64_t out, std::int64_t stride, Initial& initial) {
  return std::make_unique<Conv>(in, out, 3, Conv2dAttrs{.stride = stride, .pad = 1}, initial);
}

/// The BayesNAS stems carry no batch norm at their end: their cells begin with one.
std::unique_ptr<Sequential> cifar_stem(const FrameSpec& s, Initial& initial) {
  auto stem = std::make_unique<Sequential>();
  stem->then(conv3x3(s.image_channels, 3 * s.channels, 1, initial));
  if (s.style == Style::kDarts)
    stem->then(std::make_unique<BatchNorm>(3 * s.channels, true, initial));
  return stem;
}

std::unique_ptr<Sequential> imagenet_stem0(const FrameSpec& s, Initial& initial) {
  auto stem = std::make_unique<Sequential>();
  stem->then(conv3x3(s.image_channels, s.channels / 2, 2, initial))
      .then(std::make_unique<BatchNorm>(s.channels / 2, true, initial))
      .then(make_relu())
      .then(conv3x3(s.channels / 2, s.channels, 2, initial))
      .then(std::make_unique<BatchNorm>(s.channels, true, initial));
  return stem;
}

std::unique_ptr<Sequential> imagenet_stem1(const FrameSpec& s, Initial& initial) {
  auto stem = std::make_unique<Sequential>();
  stem->then(make_relu()).then(conv3x3(s.channels, s.channels, 2, initial));
  if (s.style == Style::kDarts)
    stem->then(std::make_unique<BatchNorm>(s.channels, true, initial));
  return stem;
}

std::unique_ptr<Layer> older_preprocessor(const FrameSpec& s, const CellPlace& p, Initial& initial) {
  if (s.style == Style::kBayesNas)
    return make_bayesnas_preprocessor(p.older_channels, p.channels, p.older_is_larger, s.reduction, initial);
  return p.older_is_larger ? make_factorized_reduce(p.older_channels, p.channels, s.is_affine, initial)
                           : make_relu_conv_bn(p.older_channels, p.channels, s.is_affine, initial);
}

std::unique_ptr<Layer> previous_preprocessor(const FrameSpec& s, const CellPlace& p, Initial& initial) {
  if (s.style == Style::kBayesNas)
    return make_bayesnas_preprocessor(p.previous_channels, p.channels, false, s.reduction, initial);
  return make_relu_conv_bn(p.previous_channels, p.channels, s.is_affine, initial);
}

}  // namespace

bool is_reduction(std::int64_t index, std::int64_t cells) {
  return index == cells / 3 || index == 2 * cells / 3;
}

CellInputs::CellInputs(const FrameSpec& spec, const CellPlace& place, Initial& initial)
    : older_(add("preprocess0", older_preprocessor(spec, place, initial))),
      previous_(add("preprocess1", previous_preprocessor(spec, place, initial))) {}

Frame::Frame(const FrameSpec& spec, Initial& initial, const MakeCell& make_cell) : spec_(spec) {
  check(spec);
  CellPlace place{.channels = spec.channels};
  FrameSpec stem = spec;
  if (spec.whitens) {
    whitening_ = &add("whiten", std::make_unique<Whitening>(spec.image_channels, true, initial));
    stem.image_channels = whitening_->channels();
  }
  if (spec.stem == Stem::kCifar) {
    stems_.push_back(&add("stem", cifar_stem(stem, initial)));
    place.older_channels = place.previous_channels = 3 * spec.channels;
  } else {
    stems_.push_back(&add("stem0", imagenet_stem0(stem, initial)));
    stems_.push_back(&add("stem1", imagenet_stem1(stem, initial)));
    place.older_channels = place.previous_channels = spec.channels;
    place.older_is_larger = true;
  }
  for (std::int64_t i = 0; i < spec.cells; ++i) {
    place.index = i;
    place.kind = is_reduction(i, spec.cells) ? CellKind::kReduction : CellKind::kNormal;
    if (place.kind == CellKind::kReduction)
      place.channels *= 2;
    cells_.push_back(&add(concat("cells.", i), make_cell(place)));
    place.older_channels = place.previous_channels;
    place.previous_channels = cells_.back()->width();
    place.older_is_larger = place.kind == CellKind::kReduction;
  }
  if (spec.style == Style::kBayesNas)
    head_norm_ = &add("bn", std::make_unique<BatchNorm>(place.previous_channels, true, initial));
  classifier_ = &add("classifier", std::make_unique<Linear>(place.previous_channels, spec.classes, initial));
}

std::vector<Deferred> CellInputs::run(const Context& context, const Deferred& older, const Deferred& previous) {
  return {deferred(context, older_, older), deferred(context, previous_, previous)};
}

Variable Frame::forward(const Context& context, const Variable& images,
                        const std::function<void(std::int64_t, const Variable&)>& after_cell) {
  // The readers of a stem all begin with a convolution, which takes the stem's norm along.
  Deferred older = deferred(context, *stems_[0], {.z = whitening_ ? whitening_->forward(context, images) : images});
  Deferred previous = stems_.size() > 1 ? deferred(context, *stems_[1], older) : older;
  Variable output;
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    output = cells_[i]->forward(context, older, previous);
    older = std::exchange(previous, {.z = output});
    if (after_cell)
      after_cell(static_cast<std::int64_t>(i), output);
  }
  if (head_norm_ != nullptr) {
    output = head_norm_->forward(context, output);
    if (spec_.head_has_relu)
      output = relu(output);
  }
  return classifier_->forward(context, global_avg_pool(output));
}

}  // namespace ockham::nas
