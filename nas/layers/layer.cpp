#include "nas/layers/layer.h"

#include <algorithm>
#include <functional>

#include "autograd/trace.h"
#include "engine/math.h"
#include "ops/add/add.h"
#include "ops/add_bias/add_bias.h"
#include "ops/batch_norm/batch_norm.h"
#include "ops/batch_norm/running.h"
#include "ops/batch_norm_fold/batch_norm_fold.h"
#include "ops/concat/concat.h"
#include "ops/conv_unit/conv_unit.h"
#include "ops/linear/linear.h"
#include "ops/mix/mix.h"
#include "ops/moments/moments.h"
#include "ops/mul/mul.h"
#include "ops/pad2d/pad2d.h"
#include "ops/relu/relu.h"
#include "ops/scale/scale.h"
#include "ops/shift2d/shift2d.h"
#include "ops/slice/slice.h"
#include "ops/weighted_sum/weighted_sum.h"

namespace ockham::nas {

namespace {

/// A result that depends on x alone, once where the context shares it.
template <class Make>
Variable shared(const Context& context, const std::string& function, const Variable& x, Make&& make) {
  return context.shared != nullptr && x.is_recorded() ? context.shared->get(function, x, make) : make();
}

/// [2, C]: the factor all along `row`, `other` along the other one.
Variable factor_in_row(const Variable& factor, std::int64_t row, double other, std::int64_t C) {
  const auto ones_in = [&](std::int64_t at, double value) {
    Tensor rows = Tensor::zeros({2, C}, factor.dtype(), factor.device());
    Tensor part = rows.slice(0, at, at + 1);
    fill(part, value);
    return rows;
  };
  const Variable scaled = scale(ones_in(row, 1.0), factor);
  return other == 0.0 ? scaled : ockham::add(scaled, ones_in(1 - row, other));
}

/// Features of x in rising order, in stretches of neighbours, for `reader`.
Variable columns(const Variable& x, std::span<const std::int64_t> index, const Module& reader) {
  std::vector<Variable> parts;
  for (std::size_t begin = 0, end = 0; begin < index.size(); begin = end) {
    while (end < index.size() && index[end] - index[begin] == static_cast<std::int64_t>(end - begin))
      ++end;
    parts.push_back(slice(x, 1, index[begin], index[end - 1] + 1));
  }
  const Variable result = concat(parts);
  if (Trace* trace = Trace::current())
    trace->claim_last(reader);
  return result;
}

}  // namespace

Variable shared_moments(const Context& context, const Variable& z) {
  return shared(context, "moments", z, [&] { return moments(z); });
}

Variable scaled_moments(const Variable& moments, const Variable& factor) {
  // (f, f) (1, f) = (f, f^2). One after the other: as arguments of one call they would be recorded in the compiler's
  // order.
  const Variable rows = scale(Tensor::full(moments.shape(), 1.0, moments.dtype(), moments.device()), factor);
  const Variable powers = factor_in_row(factor, 1, 1.0, moments.shape()[1]);
  return mul(moments, mul(rows, powers));
}

Variable applied(const Deferred& x) {
  Variable y = x.factor.value() ? scale(x.z, x.factor) : x.z;
  if (x.affine.value()) {
    const std::vector<MixBranch> branch{{x.z, x.affine}};
    y = mix(Tensor::full({1}, 1.0, x.z.dtype(), x.z.device()), branch);
  }
  return x.rectifies ? relu(y) : y;
}

Variable mixed(const Context& context, const Variable& alpha, std::span<const Deferred> branches,
               std::vector<std::int64_t> index) {
  if (!context.fuses) {
    std::vector<Variable> maps;
    for (const Deferred& branch : branches)
      maps.push_back(applied(branch));
    return weighted_sum(alpha, maps, std::move(index));
  }
  std::vector<MixBranch> terms;
  for (const Deferred& branch : branches)
    terms.push_back(branch.rectifies ? MixBranch{applied(branch), {}}
                    : branch.factor.value()
                        ? MixBranch{branch.z, factor_in_row(branch.factor, 0, 0.0, branch.z.shape()[1])}
                        : MixBranch{branch.z, branch.affine});
  return mix(alpha, terms, std::move(index));
}

Variable added(const Context& context, std::span<const Deferred> maps) {
  if (std::ranges::any_of(maps, [](const Deferred& map) { return map.affine.value().is_defined(); }))
    return mixed(context, Tensor::full({1}, 1.0, maps[0].z.dtype(), maps[0].z.device()), maps,
                 std::vector<std::int64_t>(maps.size(), 0));
  std::vector<Variable> tensors;
  for (const Deferred& map : maps)
    tensors.push_back(applied(map));
  return tensors.size() == 1 ? tensors[0] : ockham::add(tensors);
}

Deferred deferred(const Context& context, Layer& layer, const Deferred& x) {
  return context.fuses ? layer.run(context, x) : Deferred{.z = layer.forward(context, applied(x))};
}

Variable Sequential::forward(const Context& context, const Variable& x) {
  if (context.fuses)
    return applied(run(context, {.z = x}));
  Variable y = x;
  for (Layer* layer : layers_)
    y = layer->forward(context, y);
  return y;
}

Deferred Sequential::run(const Context& context, const Deferred& x) {
  const auto layer_at = [&]<class L>(std::size_t i) {
    return i < layers_.size() ? dynamic_cast<L*>(layers_[i]) : nullptr;
  };
  Deferred y = x;
  for (std::size_t i = 0; i < layers_.size();) {
    Conv* conv = layer_at.operator()<Conv>(i);
    if (conv == nullptr) {
      y = layers_[i++]->run(context, y);
      continue;
    }
    ++i;
    if (y.factor.value())
      y = {.z = applied(y)};
    Conv* next = layer_at.operator()<Conv>(i);
    const bool takes_next = next != nullptr && next->is_pointwise();
    i += takes_next ? 1 : 0;
    const bool norm_follows = layer_at.operator()<BatchNorm>(i) != nullptr;
    const ConvUnitResult result =
        conv_unit(y.z, y.affine, context.use(conv->weight()), takes_next ? context.use(next->weight()) : Variable(),
                  {.rectifies = y.rectifies,
                   .takes_moments = norm_follows && context.batch_norm == BatchNormMode::kBatch,
                   .conv = conv->attrs()});
    y = {.z = result.z, .moments = result.moments};
  }
  return y;
}

Conv::Conv(std::int64_t in, std::int64_t out, std::int64_t kernel, const Conv2dAttrs& attrs, Initial& initial)
    : attrs_(attrs),
      weight_(add_parameter("weight", initial.uniform_fan_in({out, in / attrs.groups, kernel, kernel},
                                                             in / attrs.groups * kernel * kernel))) {}

Conv2dAttrs with_groups_of(Conv2dAttrs attrs, const Tensor& weight) {
  if (attrs.groups > 1 && weight.size(1) == 1)
    attrs.groups = std::min(attrs.groups, weight.size(0));
  return attrs;
}

Variable Conv::forward(const Context& context, const Variable& x) {
  return conv2d(x, context.use(weight_), attrs());
}

bool Conv::is_pointwise() const {
  return weight_.value.size(2) == 1 && weight_.value.size(3) == 1 && attrs_.stride == 1 && attrs_.pad == 0 &&
         attrs().groups == 1;
}

BatchNorm::BatchNorm(std::int64_t channels, bool is_affine, Initial& initial, ParameterKind scale)
    : weight_(is_affine ? &add_parameter("weight", initial.constant({channels}, 1.0), scale) : nullptr),
      bias_(is_affine ? &add_parameter("bias", initial.constant({channels}, 0.0)) : nullptr),
      running_mean_(add_parameter("running_mean", initial.constant({channels}, 0.0), ParameterKind::kBuffer)),
      running_variance_(add_parameter("running_var", initial.constant({channels}, 1.0), ParameterKind::kBuffer)),
      batches_(add_parameter("num_batches_tracked", Tensor::zeros({}, DType::kInt64, initial.device),
                             ParameterKind::kBuffer)) {}

Variable BatchNorm::gamma(const Context& context) {
  if (weight_ == nullptr)
    return {};
  return weight_->kind == ParameterKind::kBuffer ? Variable(weight_->value) : context.use(*weight_);
}

Variable BatchNorm::forward(const Context& context, const Variable& x) {
  const Variable scale = gamma(context), beta = bias_ ? context.use(*bias_) : Variable();
  switch (context.batch_norm) {
    case BatchNormMode::kBatch: {
      BatchNormResult result = batch_norm_train(x, scale, beta);
      if (context.is_training)
        move_running(result.mean, result.variance, x.value().numel() / x.value().size(1));
      return result.y;
    }
    case BatchNormMode::kFrozenBatch: {
      const BatchNormResult statistics = batch_norm_train(x.detach(), Variable(), Variable());
      return batch_norm_eval(x, scale, beta, statistics.mean, statistics.variance);
    }
    case BatchNormMode::kRunning:
      break;
  }
  return batch_norm_eval(x, scale, beta, running_mean_.value, running_variance_.value);
}

Deferred BatchNorm::run(const Context& context, const Deferred& x) {
  if (x.affine.value() || x.rectifies || (x.factor.value() && context.batch_norm != BatchNormMode::kBatch))
    return run(context, {.z = applied(x)});
  const Variable scale = gamma(context), beta = bias_ ? context.use(*bias_) : Variable();
  Variable m = x.moments;
  if (context.batch_norm == BatchNormMode::kRunning) {
    const Variable rows = concat({running_mean_.value.reshape({1, -1}), running_variance_.value.reshape({1, -1})});
    m = rows.value().reshape({2, -1});
  } else if (context.batch_norm == BatchNormMode::kFrozenBatch) {
    m = moments(x.z.detach());
  } else if (!m.value()) {
    m = shared_moments(context, x.z);
    if (x.factor.value())
      m = scaled_moments(m, x.factor);
  }
  if (context.batch_norm == BatchNormMode::kBatch && context.is_training) {
    const std::int64_t channels = m.value().size(1);
    move_running(m.value().slice(0, 0, 1).reshape({channels}), m.value().slice(0, 1, 2).reshape({channels}),
                 x.z.value().numel() / channels);
  }
  const Variable affine = batch_norm_fold(m, scale, beta);
  if (!x.factor.value())
    return {.z = x.z, .affine = affine};
  // s (f z) + b = (s f) z + b
  return {.z = x.z, .affine = mul(affine, factor_in_row(x.factor, 0, 1.0, affine.shape()[1]))};
}

Variable MaxPool::forward(const Context& context, const Variable& x) {
  return shared(context, concat("max_pool2d ", attrs_.kernel, ' ', attrs_.stride, ' ', attrs_.pad), x,
                [&] { return max_pool2d(x, attrs_); });
}

Deferred MaxPool::run(const Context& context, const Deferred& x) {
  // The maximum of f z is f times the maximum of z where f is positive. On a device the host would have to wait for f.
  if (!x.factor.value() || x.affine.value() || x.rectifies || !x.factor.device().is_cpu() ||
      x.factor.value().item() <= 0.0)
    return {.z = forward(context, applied(x))};
  return {.z = forward(context, x.z), .factor = x.factor};
}

Variable AvgPool::forward(const Context& context, const Variable& x) {
  return shared(
      context, concat("avg_pool2d ", attrs_.kernel, ' ', attrs_.stride, ' ', attrs_.pad, ' ', attrs_.count_include_pad),
      x, [&] { return avg_pool2d(x, attrs_); });
}

Deferred AvgPool::run(const Context& context, const Deferred& x) {
  if (x.affine.value() || x.rectifies)
    return {.z = forward(context, applied(x))};
  return {.z = forward(context, x.z), .factor = x.factor};
}

Variable ZeroBorder::forward(const Context& context, const Variable& x) {
  return shared(context, concat("zero_border ", width_), x,
                [&] { return pad2d(x, {.top = width_, .bottom = width_, .left = width_, .right = width_}); });
}

Deferred ZeroBorder::run(const Context& context, const Deferred& x) {
  if (x.affine.value() || x.rectifies)
    return {.z = forward(context, applied(x))};
  return {.z = forward(context, x.z), .factor = x.factor};
}

Variable Relu::forward(const Context&, const Variable& x) {
  return relu(x);
}

Deferred Relu::run(const Context&, const Deferred& x) {
  Deferred y = x;
  y.rectifies = true;
  return y;
}

void BatchNorm::move_running(const Tensor& mean, const Tensor& variance, std::int64_t samples) {
  RunningStatistics running{running_mean_.value, running_variance_.value, batches_.value};
  update_running(running, mean, variance, samples, kMomentum);
}

Linear::Linear(std::int64_t in, std::int64_t out, Initial& initial)
    : weight_(add_parameter("weight", initial.uniform_fan_in({out, in}, in))),
      bias_(add_parameter("bias", initial.uniform_fan_in({out}, in))),
      features_(in) {}

void Linear::set_channel_counts(std::vector<std::int64_t> read) {
  if (!read.empty() && static_cast<std::int64_t>(read.size()) != weight_.value.size(1))
    throw UsageError(concat("linear: ", read.size(), " features to read, but a weight of shape ", weight_.value.shape(),
                            "; there must be as many as its columns."));
  if ((!read.empty() && (read.front() < 0 || read.back() >= features_)) ||
      std::ranges::adjacent_find(read, std::greater_equal<>()) != read.end())
    throw UsageError(concat("linear: the features to read must rise from 0 or more to less than ", features_,
                            ", the number that it was made for."));
  read_ = std::move(read);
}

Variable Linear::forward(const Context& context, const Variable& x) {
  return add_bias(linear(read_.empty() ? x : columns(x, read_, *this), context.use(weight_)), context.use(bias_));
}

ShiftedPair::ShiftedPair(std::int64_t in, std::int64_t out, Initial& initial)
    : first_(add("conv_1", std::make_unique<Conv>(in, out / 2, 1, Conv2dAttrs{.stride = 2}, initial))),
      second_(add("conv_2", std::make_unique<Conv>(in, out - out / 2, 1, Conv2dAttrs{.stride = 2}, initial))) {}

Variable ShiftedPair::forward(const Context& context, const Variable& x) {
  return concat({first_.forward(context, x), second_.forward(context, shift2d(x, 1, 1))});
}

Deferred ShiftedPair::run(const Context& context, const Deferred& x) {
  // On an odd map the shifted quarter ends in zeros that stand for the map's border, and a norm behind would move them.
  const bool is_even = x.z.shape()[2] % 2 == 0 && x.z.shape()[3] % 2 == 0;
  if (x.factor.value() || (x.affine.value() && !is_even))
    return run(context, {.z = applied(x)});
  const auto half = [&](Conv& conv, std::int64_t shift) {
    return conv_unit(shift2d(x.z, shift, shift, 2), x.affine, context.use(conv.weight()), {},
                     {.rectifies = x.rectifies, .takes_moments = false})
        .z;
  };
  const Variable first = half(first_, 0);
  return {.z = concat({first, half(second_, 1)})};
}

RowThenColumn::Kernel::Kernel(const Shape& shape, Initial& initial)
    : weight(add_parameter("weight", initial.uniform_fan_in(shape, shape[1] * shape[2] * shape[3]))) {}

RowThenColumn::RowThenColumn(std::int64_t channels, std::int64_t kernel, std::int64_t stride, int number,
                             Initial& initial)
    : pad_(kernel / 2),
      stride_(stride),
      row_(add(std::to_string(number), std::make_unique<Kernel>(Shape{channels, channels, 1, kernel}, initial))),
      column_(
          add(std::to_string(number + 1), std::make_unique<Kernel>(Shape{channels, channels, kernel, 1}, initial))) {}

Variable RowThenColumn::forward(const Context& context, const Variable& x) {
  const Variable rows = conv2d(pad2d(x, {.left = pad_, .right = pad_}), context.use(row_.weight));
  return conv2d(pad2d(rows, {.top = pad_, .bottom = pad_}), context.use(column_.weight), {.stride = stride_});
}

std::unique_ptr<Relu> make_relu() {
  return std::make_unique<Relu>();
}

std::unique_ptr<Layer> make_identity() {
  return std::make_unique<Identity>();
}

}  // namespace ockham::nas
