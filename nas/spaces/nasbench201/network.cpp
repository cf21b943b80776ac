#include "nas/spaces/nasbench201/network.h"

#include "engine/error.h"
#include "ops/global_avg_pool/global_avg_pool.h"

namespace ockham::nas::nasbench201 {
namespace {

std::unique_ptr<Sequential> relu_conv_norm(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                                           bool is_affine, Initial& initial) {
  auto op = std::make_unique<Sequential>();
  op->then(make_relu())
      .then(std::make_unique<Conv>(in, out, kernel, Conv2dAttrs{.stride = stride, .pad = kernel / 2}, initial))
      .then(std::make_unique<BatchNorm>(out, is_affine, initial));
  auto named = std::make_unique<Sequential>();
  named->then("op", std::move(op));
  return named;
}

/// Node i is the sum over its edges that are not none; a node without any is zero.
class CellLayer : public Layer {
 public:
  CellLayer(const Cell& cell, std::int64_t channels, bool is_affine, Initial& initial) {
    for (std::size_t e = 0; e < cell.edges.size(); ++e)
      operations_.push_back(
          cell.edges[e] == Operation::kNone
              ? nullptr
              : &add(concat("layers.", e), make_operation(cell.edges[e], channels, is_affine, initial)));
  }

  Variable forward(const Context& context, const Variable& x) override {
    std::array<Variable, 4> nodes{x, {}, {}, {}};
    for (int node = 1; node < 4; ++node) {
      std::vector<Deferred> terms;
      for (std::size_t e = 0; e < operations_.size(); ++e) {
        const Variable& from = nodes[static_cast<std::size_t>(kEdgeEnds[e].from)];
        if (kEdgeEnds[e].to != node || operations_[e] == nullptr || !from.value().is_defined())
          continue;
        terms.push_back(deferred(context, *operations_[e], {.z = from}));
      }
      if (!terms.empty())
        nodes[static_cast<std::size_t>(node)] = added(context, terms);
    }
    return nodes[3].value().is_defined() ? nodes[3] : Variable(Tensor::zeros(x.shape(), x.dtype(), x.device()));
  }

 private:
  std::vector<Layer*> operations_;
};

/// Two 3x3 convolutions, the first of stride 2, beside the 2x2 mean and a 1x1 convolution.
class Reduction : public Layer {
 public:
  Reduction(std::int64_t in, std::int64_t out, bool is_affine, Initial& initial)
      : first_(add("conv_a", relu_conv_norm(in, out, 3, 2, is_affine, initial))),
        second_(add("conv_b", relu_conv_norm(out, out, 3, 1, is_affine, initial))),
        shortcut_(add("downsample", make_shortcut(in, out, initial))) {}

  Variable forward(const Context& context, const Variable& x) override {
    const Deferred main = deferred(context, second_, deferred(context, first_, {.z = x}));
    return added(context, std::vector<Deferred>{main, {.z = shortcut_.forward(context, x)}});
  }

 private:
  static std::unique_ptr<Sequential> make_shortcut(std::int64_t in, std::int64_t out, Initial& initial) {
    auto shortcut = std::make_unique<Sequential>();
    shortcut->then(std::make_unique<AvgPool>(AvgPool2dAttrs{.kernel = 2, .stride = 2}))
        .then(std::make_unique<Conv>(in, out, 1, Conv2dAttrs{}, initial));
    return shortcut;
  }

  Layer& first_;
  Layer& second_;
  Layer& shortcut_;
};

std::unique_ptr<Sequential> make_stem(const NetworkSpec& spec, Initial& initial) {
  auto stem = std::make_unique<Sequential>();
  stem->then(std::make_unique<Conv>(spec.image_channels, spec.channels, 3, Conv2dAttrs{.pad = 1}, initial))
      .then(std::make_unique<BatchNorm>(spec.channels, true, initial));
  return stem;
}

std::unique_ptr<Sequential> make_last(std::int64_t channels, Initial& initial) {
  auto last = std::make_unique<Sequential>();
  last->then(std::make_unique<BatchNorm>(channels, true, initial)).then(make_relu());
  return last;
}

}  // namespace

std::unique_ptr<Layer> make_operation(Operation operation, std::int64_t channels, bool is_affine, Initial& initial) {
  switch (operation) {
    case Operation::kSkipConnect:
      return make_identity();
    case Operation::kConv1:
      return relu_conv_norm(channels, channels, 1, 1, is_affine, initial);
    case Operation::kConv3:
      return relu_conv_norm(channels, channels, 3, 1, is_affine, initial);
    case Operation::kAvgPool3:
      return std::make_unique<AvgPool>(AvgPool2dAttrs{.kernel = 3, .stride = 1, .pad = 1, .count_include_pad = false});
    case Operation::kNone:
      break;
  }
  throw UsageError("cell: none is no layer; leave the edge out.");
}

void require_image_size(std::int64_t height, std::int64_t width) {
  if (height < 4 || width < 4 || height % 4 != 0 || width % 4 != 0)
    throw UsageError(concat("images of ", height, "x", width,
                            ": networks of nasbench201 halve their maps twice, so that the sides must be divisible by "
                            "4; use --image-size."));
}

Skeleton::Skeleton(const NetworkSpec& spec, Initial& initial, const MakeCell& make_cell) {
  constexpr std::int64_t kMostCells = 1000;  // some have no tensor, so that a checkpoint's size does not bound them
  if (spec.channels < 1 || spec.cells_per_stage < 1 || spec.cells_per_stage > kMostCells || spec.classes < 1 ||
      spec.image_channels < 1)
    throw UsageError(concat("NAS-Bench-201 network: ", spec.channels, " channels, ", spec.cells_per_stage,
                            " cells a stage, ", spec.classes, " classes, ", spec.image_channels,
                            " image channels; all must be at least 1, and cells a stage at most ", kMostCells, "."));
  stem_ = &add("stem", make_stem(spec, initial));
  std::int64_t channels = spec.channels;
  const auto name = [&] { return concat("cells.", blocks_.size()); };
  for (int stage = 0; stage < 3; ++stage) {
    if (stage > 0) {
      blocks_.push_back(&add(name(), std::make_unique<Reduction>(channels, 2 * channels, true, initial)));
      channels *= 2;
    }
    for (std::int64_t i = 0; i < spec.cells_per_stage; ++i)
      blocks_.push_back(&add(name(), make_cell(channels)));
  }
  last_ = &add("lastact", make_last(channels, initial));
  classifier_ = &add("classifier", std::make_unique<Linear>(channels, spec.classes, initial));
}

Network::Network(const Cell& cell, const NetworkSpec& spec, Initial& initial)
    : skeleton_(add("", std::make_unique<Skeleton>(spec, initial, [&](std::int64_t channels) {
                      return std::make_unique<CellLayer>(cell, channels, spec.is_affine, initial);
                    }))) {}

Variable Skeleton::features(const Context& context, const Variable& images) {
  Variable x = stem_->forward(context, images);
  for (Layer* block : blocks_)
    x = block->forward(context, x);
  return last_->forward(context, x);
}

Variable Skeleton::forward(const Context& context, const Variable& images) {
  return classifier_->forward(context, global_avg_pool(features(context, images)));
}

}  // namespace ockham::nas::nasbench201
