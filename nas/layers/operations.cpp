#include "nas/layers/operations.h"

namespace ockham::nas {
namespace {

std::unique_ptr<Conv> pointwise(std::int64_t in, std::int64_t out, Initial& initial, std::int64_t stride = 1) {
  return std::make_unique<Conv>(in, out, 1, Conv2dAttrs{.stride = stride}, initial);
}

std::unique_ptr<Conv> depthwise(std::int64_t channels, std::int64_t kernel, std::int64_t stride, std::int64_t dilation,
                                Initial& initial) {
  return std::make_unique<Conv>(
      channels, channels, kernel,
      Conv2dAttrs{.stride = stride, .pad = dilation * (kernel / 2), .dilation = dilation, .groups = channels}, initial);
}

std::unique_ptr<BatchNorm> norm(std::int64_t channels, bool is_affine, Initial& initial) {
  return std::make_unique<BatchNorm>(channels, is_affine, initial);
}

/// A layer whose only child is "op": how the published code names what is inside its blocks.
std::unique_ptr<Layer> named_op(std::unique_ptr<Sequential> op) {
  auto result = std::make_unique<Sequential>();
  result->then("op", std::move(op));
  return result;
}

std::unique_ptr<Layer> darts_separable(std::int64_t kernel, const OperationOptions& o, Initial& initial) {
  auto op = std::make_unique<Sequential>();
  for (std::int64_t stride : {o.stride, std::int64_t{1}})
    op->then(make_relu())
        .then(depthwise(o.channels, kernel, stride, 1, initial))
        .then(pointwise(o.channels, o.channels, initial))
        .then(norm(o.channels, o.is_affine, initial));
  return named_op(std::move(op));
}

std::unique_ptr<Layer> darts_dilated(std::int64_t kernel, const OperationOptions& o, Initial& initial) {
  auto op = std::make_unique<Sequential>();
  op->then(make_relu())
      .then(depthwise(o.channels, kernel, o.stride, 2, initial))
      .then(pointwise(o.channels, o.channels, initial))
      .then(norm(o.channels, o.is_affine, initial));
  return named_op(std::move(op));
}

std::unique_ptr<Layer> darts_pool(std::unique_ptr<Layer> pool, const OperationOptions& o, Initial& initial) {
  if (!o.pools_are_normalised)
    return pool;
  auto result = std::make_unique<Sequential>();
  result->then(std::move(pool)).then(norm(o.channels, false, initial));
  return result;
}

std::unique_ptr<Layer> make_darts(Primitive primitive, const OperationOptions& o, Initial& initial) {
  switch (primitive) {
    case Primitive::kMaxPool3:
      return darts_pool(std::make_unique<MaxPool>(MaxPool2dAttrs{.kernel = 3, .stride = o.stride, .pad = 1}), o,
                        initial);
    case Primitive::kAvgPool3:
      return darts_pool(std::make_unique<AvgPool>(
                            AvgPool2dAttrs{.kernel = 3, .stride = o.stride, .pad = 1, .count_include_pad = false}),
                        o, initial);
    case Primitive::kIdentity:
      return o.stride == 1 ? make_identity() : make_factorized_reduce(o.channels, o.channels, o.is_affine, initial);
    case Primitive::kSepConv3:
      return darts_separable(3, o, initial);
    case Primitive::kSepConv5:
      return darts_separable(5, o, initial);
    case Primitive::kDilConv3:
      return darts_dilated(3, o, initial);
    case Primitive::kDilConv5:
      return darts_dilated(5, o, initial);
    case Primitive::kSepConv7:
      return darts_separable(7, o, initial);
    case Primitive::kConv1x7x7x1: {
      auto op = std::make_unique<Sequential>();
      op->then(make_relu())
          .then("", std::make_unique<RowThenColumn>(o.channels, 7, o.stride, 1, initial))
          .then("3", norm(o.channels, o.is_affine, initial));
      return op;
    }
  }
  throw Error("operation: unknown primitive.");
}

std::unique_ptr<Layer> bayesnas_separable(std::int64_t kernel, const OperationOptions& o, Initial& initial) {
  auto op = std::make_unique<Sequential>();
  for (std::int64_t stride : {o.stride, std::int64_t{1}})
    op->then(norm(o.channels, o.is_affine, initial))
        .then(make_relu())
        .then(depthwise(o.channels, kernel, stride, 1, initial))
        .then(pointwise(o.channels, o.channels, initial));
  return op;
}

std::unique_ptr<Layer> bayesnas_dilated(std::int64_t kernel, const OperationOptions& o, Initial& initial) {
  auto op = std::make_unique<Sequential>();
  op->then(norm(o.channels, o.is_affine, initial)).then(make_relu());
  if (o.dilated_is_dense)
    op->then(std::make_unique<Conv>(o.channels, o.channels, kernel,
                                    Conv2dAttrs{.stride = o.stride, .pad = kernel - 1, .dilation = 2}, initial));
  else
    op->then(depthwise(o.channels, kernel, o.stride, 2, initial));
  op->then(pointwise(o.channels, o.channels, initial));
  return op;
}

// The padding zeros are part of the map here: they compete in the maximum and count in the mean.
std::unique_ptr<Layer> bayesnas_max_pool(std::int64_t stride) {
  auto op = std::make_unique<Sequential>();
  op->then(std::make_unique<ZeroBorder>(1))
      .then(std::make_unique<MaxPool>(MaxPool2dAttrs{.kernel = 3, .stride = stride, .pad = 0}));
  return op;
}

std::unique_ptr<Layer> make_bayesnas(Primitive primitive, const OperationOptions& o, Initial& initial) {
  switch (primitive) {
    case Primitive::kMaxPool3:
      return bayesnas_max_pool(o.stride);
    case Primitive::kAvgPool3:
      return std::make_unique<AvgPool>(
          AvgPool2dAttrs{.kernel = 3, .stride = o.stride, .pad = 1, .count_include_pad = true});
    case Primitive::kIdentity: {
      if (o.stride == 1)
        return make_identity();
      auto op = std::make_unique<Sequential>();
      op->then(norm(o.channels, o.is_affine, initial)).then(pointwise(o.channels, o.channels, initial, 2));
      return op;
    }
    case Primitive::kSepConv3:
      return bayesnas_separable(3, o, initial);
    case Primitive::kSepConv5:
      return bayesnas_separable(5, o, initial);
    case Primitive::kDilConv3:
      return bayesnas_dilated(3, o, initial);
    case Primitive::kDilConv5:
      return bayesnas_dilated(5, o, initial);
    case Primitive::kSepConv7:
      return bayesnas_separable(7, o, initial);
    case Primitive::kConv1x7x7x1: {
      auto op = std::make_unique<Sequential>();
      op->then(norm(o.channels, o.is_affine, initial))
          .then(make_relu())
          .then("", std::make_unique<RowThenColumn>(o.channels, 7, o.stride, 2, initial));
      return op;
    }
  }
  throw Error("operation: unknown primitive.");
}

}  // namespace

Style parse_style(std::string_view text) {
  if (text == "darts")
    return Style::kDarts;
  if (text == "bayesnas")
    return Style::kBayesNas;
  throw UsageError(concat("style: '", text, "' is unknown; write bayesnas or darts."));
}

std::string_view style_name(Style style) {
  return style == Style::kDarts ? "darts" : "bayesnas";
}

std::unique_ptr<Layer> make_operation(Style style, Primitive primitive, const OperationOptions& options,
                                      Initial& initial) {
  return style == Style::kDarts ? make_darts(primitive, options, initial) : make_bayesnas(primitive, options, initial);
}

std::unique_ptr<Layer> make_relu_conv_bn(std::int64_t in, std::int64_t out, bool is_affine, Initial& initial) {
  auto op = std::make_unique<Sequential>();
  op->then(make_relu()).then(pointwise(in, out, initial)).then(norm(out, is_affine, initial));
  return named_op(std::move(op));
}

std::unique_ptr<Layer> make_factorized_reduce(std::int64_t in, std::int64_t out, bool is_affine, Initial& initial) {
  // The published module holds conv_1 and conv_2 itself, next to bn.
  class FactorizedReduce : public Layer {
   public:
    FactorizedReduce(std::int64_t inputs, std::int64_t outputs, bool affine, Initial& init)
        : pair_(add("", std::make_unique<ShiftedPair>(inputs, outputs, init))),
          norm_(add("bn", std::make_unique<BatchNorm>(outputs, affine, init))),
          relu_(make_relu()) {}
    Variable forward(const Context& context, const Variable& x) override {
      if (context.fuses)
        return applied(run(context, {.z = x}));
      return norm_.forward(context, pair_.forward(context, relu_->forward(context, x)));
    }
    Deferred run(const Context& context, const Deferred& x) override {
      return norm_.run(context, pair_.run(context, relu_->run(context, x)));
    }
    bool takes_deferred() const override { return true; }

   private:
    ShiftedPair& pair_;
    BatchNorm& norm_;
    std::unique_ptr<Layer> relu_;
  };
  return std::make_unique<FactorizedReduce>(in, out, is_affine, initial);
}

std::unique_ptr<Layer> make_bayesnas_preprocessor(std::int64_t in, std::int64_t out, bool halves_map,
                                                  Reduction reduction, Initial& initial) {
  auto result = std::make_unique<Sequential>();
  if (halves_map && reduction == Reduction::kStrided)
    result->then("reduce", pointwise(in, in, initial, 2));
  if (halves_map && reduction == Reduction::kShifted)
    result->then("reduce", std::make_unique<ShiftedPair>(in, in, initial));
  result->then("bn", norm(in, true, initial)).then("relu", make_relu()).then("conv", pointwise(in, out, initial));
  return result;
}

}  // namespace ockham::nas
