#include "nas/layers/plain.h"

#include <cmath>

#include "autograd/trace.h"
#include "ops/add_bias/add_bias.h"
#include "ops/concat/concat.h"
#include "ops/global_avg_pool/global_avg_pool.h"
#include "ops/reshape/reshape.h"
#include "ops/shift2d/shift2d.h"
#include "ops/tanh/tanh.h"

namespace ockham::nas {
namespace {

/// `channels` maps of zeros beside those of x.
Variable zeros_beside(const Variable& x, std::int64_t channels) {
  const Shape& s = x.shape();
  return Tensor::zeros({s[0], channels, s[2], s[3]}, x.dtype(), x.device());
}

}  // namespace

BiasedConv::BiasedConv(std::int64_t in, std::int64_t out, std::int64_t kernel, const Conv2dAttrs& attrs,
                       Initial& initial)
    : attrs_(attrs),
      weight_(add_parameter("weight", initial.uniform_fan_in({out, in / attrs.groups, kernel, kernel},
                                                             in / attrs.groups * kernel * kernel))),
      bias_(add_parameter("bias", initial.uniform_fan_in({out}, in / attrs.groups * kernel * kernel))) {}

Variable BiasedConv::forward(const Context& context, const Variable& x) {
  return add_bias(conv2d(x, context.use(weight_), with_groups_of(attrs_, weight_.value)), context.use(bias_));
}

Variable Flatten::forward(const Context&, const Variable& x) {
  return reshape(x, {x.shape()[0], x.value().numel() / x.shape()[0]});
}

Variable GlobalMean::forward(const Context&, const Variable& x) {
  return global_avg_pool(x);
}

Variable Tanh::forward(const Context&, const Variable& x) {
  return ockham::tanh(x);
}

PaddedShortcut::PaddedShortcut(std::int64_t in, std::int64_t out, const Options& options)
    : most_before_(options.centres ? (out - in) / 2 : 0),
      most_behind_(out - in - most_before_),
      before_(most_before_),
      behind_(most_behind_),
      options_(options) {}

void PaddedShortcut::set_channel_counts(std::vector<std::int64_t> zeros) {
  if (zeros.size() != 2 || zeros[0] < 0 || zeros[0] > most_before_ || zeros[1] < 0 || zeros[1] > most_behind_)
    throw UsageError(ockham::concat("padded shortcut: it was made with ", most_before_,
                                    " channels of zeros before those ", "of its input and ", most_behind_,
                                    " behind; give two numbers that are not larger."));
  before_ = zeros[0];
  behind_ = zeros[1];
}

Variable PaddedShortcut::forward(const Context&, const Variable& x) {
  Variable y = x;
  if (options_.stride > 1)
    y = options_.averages ? avg_pool2d(x, {.kernel = options_.stride, .stride = options_.stride, .pad = 0})
                          : shift2d(x, 0, 0, options_.stride);
  if (before_ == 0 && behind_ == 0)
    return y;
  std::vector<Variable> parts;
  if (before_ > 0)
    parts.push_back(zeros_beside(y, before_));
  parts.push_back(y);
  if (behind_ > 0)
    parts.push_back(zeros_beside(y, behind_));
  const Variable padded = ockham::concat(parts);
  if (Trace* trace = Trace::current())
    trace->claim_last(*this);
  return padded;
}

std::unique_ptr<Conv> make_he_conv(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                                   Initial& initial) {
  auto layer = std::make_unique<Conv>(in, out, kernel, Conv2dAttrs{.stride = stride, .pad = kernel / 2}, initial);
  Tensor& weight = layer->weight().value;
  weight = initial.normal(weight.shape(), std::sqrt(2.0 / static_cast<double>(kernel * kernel * out)));
  return layer;
}

}  // namespace ockham::nas
