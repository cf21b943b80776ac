#include "nas/layers/layer.h"

#include "engine/math.h"
#include "ops/add_bias/add_bias.h"
#include "ops/batch_norm/batch_norm.h"
#include "ops/concat/concat.h"
#include "ops/linear/linear.h"
#include "ops/relu/relu.h"
#include "ops/shift2d/shift2d.h"

namespace ockham::nas {

Variable Sequential::forward(const Context& context, const Variable& x) {
  Variable y = x;
  for (Layer* layer : layers_)
    y = layer->forward(context, y);
  return y;
}

Conv::Conv(std::int64_t in, std::int64_t out, std::int64_t kernel, const Conv2dAttrs& attrs, Initial& initial)
    : attrs_(attrs),
      weight_(add_parameter("weight", initial.uniform_fan_in({out, in / attrs.groups, kernel, kernel},
                                                             in / attrs.groups * kernel * kernel))) {}

Variable Conv::forward(const Context& context, const Variable& x) {
  return conv2d(x, context.use(weight_), attrs_);
}

BatchNorm::BatchNorm(std::int64_t channels, bool is_affine, Initial& initial)
    : weight_(is_affine ? &add_parameter("weight", initial.constant({channels}, 1.0)) : nullptr),
      bias_(is_affine ? &add_parameter("bias", initial.constant({channels}, 0.0)) : nullptr),
      running_mean_(add_parameter("running_mean", initial.constant({channels}, 0.0), ParameterKind::kBuffer)),
      running_variance_(add_parameter("running_var", initial.constant({channels}, 1.0), ParameterKind::kBuffer)),
      batches_(add_parameter("num_batches_tracked", Tensor::zeros({}, DType::kInt64), ParameterKind::kBuffer)) {}

Variable BatchNorm::forward(const Context& context, const Variable& x) {
  const Variable gamma = weight_ ? context.use(*weight_) : Variable();
  const Variable beta = bias_ ? context.use(*bias_) : Variable();
  switch (context.batch_norm) {
    case BatchNormMode::kBatch: {
      BatchNormResult result = batch_norm_train(x, gamma, beta);
      if (context.is_training)
        update_running(result.mean, result.variance, x.value().numel() / x.value().size(1));
      return result.y;
    }
    case BatchNormMode::kFrozenBatch: {
      const BatchNormResult statistics = batch_norm_train(x.detach(), Variable(), Variable());
      return batch_norm_eval(x, gamma, beta, statistics.mean, statistics.variance);
    }
    case BatchNormMode::kRunning:
      break;
  }
  return batch_norm_eval(x, gamma, beta, running_mean_.value, running_variance_.value);
}

void BatchNorm::update_running(const Tensor& mean, const Tensor& variance, std::int64_t samples) {
  constexpr double kMomentum = 0.1;
  const double unbiased = samples > 1 ? static_cast<double>(samples) / static_cast<double>(samples - 1) : 1.0;
  scale(running_mean_.value, 1.0 - kMomentum);
  axpy(kMomentum, mean, running_mean_.value);
  scale(running_variance_.value, 1.0 - kMomentum);
  axpy(kMomentum * unbiased, variance, running_variance_.value);
  ++*batches_.value.data<std::int64_t>();
}

Linear::Linear(std::int64_t in, std::int64_t out, Initial& initial)
    : weight_(add_parameter("weight", initial.uniform_fan_in({out, in}, in))),
      bias_(add_parameter("bias", initial.uniform_fan_in({out}, in))) {}

Variable Linear::forward(const Context& context, const Variable& x) {
  return add_bias(linear(x, context.use(weight_)), context.use(bias_));
}

ShiftedPair::ShiftedPair(std::int64_t in, std::int64_t out, Initial& initial)
    : first_(add("conv_1", std::make_unique<Conv>(in, out / 2, 1, Conv2dAttrs{.stride = 2}, initial))),
      second_(add("conv_2", std::make_unique<Conv>(in, out - out / 2, 1, Conv2dAttrs{.stride = 2}, initial))) {}

Variable ShiftedPair::forward(const Context& context, const Variable& x) {
  return concat({first_.forward(context, x), second_.forward(context, shift2d(x, 1, 1))});
}

std::unique_ptr<Layer> make_relu() {
  return std::make_unique<Function>(relu);
}

std::unique_ptr<Layer> make_identity() {
  return std::make_unique<Function>(+[](const Variable& x) { return x; });
}

}  // namespace ockham::nas
