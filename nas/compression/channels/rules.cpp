// What each op does with channels, at inference. The table is at the end.
#include <algorithm>
#include <typeindex>

#include "autograd/elementwise.h"
#include "nas/compression/channels/flow.h"
#include "nas/layers/layer.h"
#include "ops/add/add_op.h"
#include "ops/add_bias/add_bias_op.h"
#include "ops/avg_pool2d/avg_pool2d_op.h"
#include "ops/batch_norm/batch_norm_op.h"
#include "ops/concat/concat_op.h"
#include "ops/conv2d/conv2d_op.h"
#include "ops/exp/exp_op.h"
#include "ops/gelu/gelu_op.h"
#include "ops/global_avg_pool/global_avg_pool_op.h"
#include "ops/linear/linear_op.h"
#include "ops/log/log_op.h"
#include "ops/log_softmax/log_softmax_op.h"
#include "ops/max_pool2d/max_pool2d_op.h"
#include "ops/mix/mix_op.h"
#include "ops/mul/mul_op.h"
#include "ops/pad2d/pad2d_op.h"
#include "ops/relu/relu_op.h"
#include "ops/reshape/reshape_op.h"
#include "ops/scale/scale_op.h"
#include "ops/shift2d/shift2d_op.h"
#include "ops/sigmoid/sigmoid_op.h"
#include "ops/silu/silu_op.h"
#include "ops/slice/slice_op.h"
#include "ops/softmax/softmax_op.h"
#include "ops/tanh/tanh_op.h"
#include "ops/weighted_sum/weighted_sum_op.h"

namespace ockham::nas {
namespace channel_rules {  // names of ops are names of rules
namespace {

using Call = Trace::Call;

/// Ops that tell channels by their numbers, or a constant that holds something for each: nothing of it may go.
void fix_all(ChannelFlow& flow, const Call& call) {
  for (const Tensor& x : call.x) {
    if (flow.is_known(x))
      flow.fix(x);
    else if (const std::size_t parameter = flow.parameter(x); parameter != ChannelFlow::kNone)
      flow.mark_used(parameter);
  }
  const Tensor& y = call.y[0];
  flow.add(
      ChannelFlow::Channelwise{.x = {}, .y = flow.value(y), .channels = ChannelFlow::channels(y), .keeps_zero = false});
  flow.fix(y);
}

/// y has the channels of the inputs [first, end), all of which depend on the images.
void same_of(ChannelFlow& flow, const Call& call, std::size_t first, std::size_t end, bool keeps_zero = true) {
  ChannelFlow::Channelwise step{.x = {}, .channels = ChannelFlow::channels(call.y[0]), .keeps_zero = keeps_zero};
  for (std::size_t i = first; i < end; ++i) {
    if (!flow.is_known(call.x[i]) || call.x[i].size(1) != call.y[0].size(1))
      return fix_all(flow, call);
    step.x.push_back(flow.value(call.x[i]));
  }
  step.y = flow.value(call.y[0]);
  flow.add(std::move(step));
}

void same(ChannelFlow& flow, const Call& call) {
  same_of(flow, call, 0, 1);
}
/// f(0) is not 0.
void same_but_zero(ChannelFlow& flow, const Call& call) {
  same_of(flow, call, 0, 1, false);
}
void all_inputs(ChannelFlow& flow, const Call& call) {
  same_of(flow, call, 0, call.x.size());
}
void all_but_first(ChannelFlow& flow, const Call& call) {
  if (flow.is_known(call.x[0]))
    return fix_all(flow, call);
  same_of(flow, call, 1, call.x.size());
}
/// By one number.
void scaled(ChannelFlow& flow, const Call& call) {
  return flow.is_known(call.x[0]) && !flow.is_known(call.x[1]) ? same(flow, call) : fix_all(flow, call);
}

void mix(ChannelFlow& flow, const Call& call) {
  const std::size_t branches = dynamic_cast<const MixOp&>(*call.op).affine_inputs().size();
  return call.x.size() == 1 + branches ? all_but_first(flow, call) : fix_all(flow, call);
}

/// Of parameters and what depends on the images alone; anything else is fixed.
void dense(ChannelFlow& flow, const Call& call) {
  const std::size_t weight = flow.parameter(call.x[1]);
  if (!flow.is_known(call.x[0]) || weight == ChannelFlow::kNone)
    return fix_all(flow, call);
  const std::size_t x = flow.value(call.x[0]);
  flow.add(ChannelFlow::Dense{.x = x, .y = flow.value(call.y[0]), .weight = weight});
}

void conv(ChannelFlow& flow, const Call& call) {
  const Conv2dAttrs& attrs = dynamic_cast<const Conv2d&>(*call.op).conv();
  if (attrs.groups == 1)
    return dense(flow, call);
  const std::size_t weight = flow.parameter(call.x[1]);
  const bool is_depthwise = call.x[1].size(1) == 1 && call.x[1].size(0) == attrs.groups;
  if (!flow.is_known(call.x[0]) || weight == ChannelFlow::kNone || !is_depthwise)
    return fix_all(flow, call);
  const std::size_t x = flow.value(call.x[0]);
  flow.add(ChannelFlow::Channelwise{
      .x = {x}, .y = flow.value(call.y[0]), .channels = ChannelFlow::channels(call.y[0]), .gains = {weight}});
}

void add_bias(ChannelFlow& flow, const Call& call) {
  const std::size_t bias = flow.parameter(call.x[1]);
  if (!flow.is_known(call.x[0]) || bias == ChannelFlow::kNone)
    return fix_all(flow, call);
  const std::size_t x = flow.value(call.x[0]);
  flow.add(ChannelFlow::Channelwise{
      .x = {x}, .y = flow.value(call.y[0]), .channels = ChannelFlow::channels(call.y[0]), .offsets = {{bias}}});
}

/// scale (x - mean) / s + shift
void batch_norm(ChannelFlow& flow, const Call& call) {
  const auto& op = dynamic_cast<const BatchNormEval&>(*call.op);
  std::vector<std::size_t> parameters;
  for (std::size_t i = 1; i < call.x.size(); ++i)
    parameters.push_back(flow.parameter(call.x[i]));
  if (!flow.is_known(call.x[0]) || std::ranges::find(parameters, ChannelFlow::kNone) != parameters.end())
    return fix_all(flow, call);
  const std::size_t mean = parameters[op.mean_input() - 1], variance = parameters[op.mean_input()];
  ChannelFlow::Channelwise step{.x = {flow.value(call.x[0])}, .channels = ChannelFlow::channels(call.y[0])};
  step.y = flow.value(call.y[0]);
  step.others = {variance};
  if (op.is_affine()) {
    step.gains = {parameters[0]};
    step.offsets = {{parameters[1]}, {parameters[0], mean}};
  } else {
    step.offsets = {{mean}};
  }
  flow.add(std::move(step));
}

/// Channels side by side. Constants among them are zeros of a layer that counts them; features for one linear layer
/// are those that it reads of the images.
void join(ChannelFlow& flow, const Call& call) {
  const auto* owner = dynamic_cast<const CountedLayer*>(call.owner);
  if (dynamic_cast<const Linear*>(owner) != nullptr && flow.is_read_by_layers_alone(call.y[0]))
    return flow.add_features(call.y[0]);
  if (owner == nullptr && !std::ranges::all_of(call.x, [&](const Tensor& x) { return flow.is_known(x); }))
    return fix_all(flow, call);
  std::size_t y = flow.value(call.y[0]);
  bool is_behind = false;
  for (const Tensor& part : call.x) {
    const std::size_t channels = ChannelFlow::channels(part);
    ChannelFlow::Channelwise step{.x = {}, .y = y, .channels = channels};
    if (flow.is_known(part)) {
      step.x.push_back(flow.value(part));
      is_behind = true;
    } else {
      flow.add(ChannelFlow::Zeros{.owner = owner, .is_behind = is_behind, .first = y, .channels = channels});
    }
    flow.add(std::move(step));
    y += channels;
  }
}

void slice(ChannelFlow& flow, const Call& call) {
  return dynamic_cast<const SliceOp&>(*call.op).dim() > 1 ? same(flow, call) : fix_all(flow, call);
}

/// [N, C, H, W] to [N, C H W] and the like: a channel becomes neighbouring features.
void reshape(ChannelFlow& flow, const Call& call) {
  const Tensor &x = call.x[0], &y = call.y[0];
  if (flow.is_images(x) && y.rank() == 2 && flow.is_read_by_layers_alone(y))
    return flow.add_features(y);
  if (x.rank() < 2 || y.rank() < 2 || x.size(0) != y.size(0) || x.size(1) == 0 || y.size(1) % x.size(1) != 0)
    return fix_all(flow, call);
  const std::size_t from = flow.value(x);
  flow.add(ChannelFlow::Channelwise{.x = {from},
                                    .y = flow.value(y),
                                    .channels = ChannelFlow::channels(x),
                                    .spread = static_cast<std::size_t>(y.size(1) / x.size(1))});
}

using Rule = void (*)(ChannelFlow&, const Call&);

template <class F>
std::type_index elementwise() {
  return typeid(ElementwiseOp<F>);
}

const std::unordered_map<std::type_index, Rule>& table() {
  static const std::unordered_map<std::type_index, Rule> all = {
      {typeid(AddOp), all_inputs},
      {typeid(AddBias), add_bias},
      {typeid(AvgPool2d), same},
      {typeid(BatchNormEval), batch_norm},
      {typeid(ConcatOp), join},
      {typeid(Conv2d), conv},
      {typeid(FixedScaleOp), same},
      {typeid(GlobalAvgPool), same},
      {typeid(ockham::Linear), dense},
      {typeid(MaxPool2d), same},
      {typeid(MixOp), mix},
      {typeid(MulOp), all_inputs},
      {typeid(Pad2dOp), same},
      {typeid(ReshapeOp), reshape},
      {typeid(ScaleOp), scaled},
      {typeid(Shift2dOp), same},
      {typeid(SliceOp), slice},
      {typeid(WeightedSumOp), all_but_first},
      {typeid(RowOp<ockham::Softmax>), fix_all},
      {typeid(RowOp<ockham::LogSoftmax>), fix_all},
      {elementwise<ockham::Exp>(), same_but_zero},
      {elementwise<ockham::Gelu>(), same},
      {elementwise<ockham::Log>(), same_but_zero},
      {elementwise<ockham::Relu>(), same},
      {elementwise<ockham::Sigmoid>(), same_but_zero},
      {elementwise<ockham::Silu>(), same},
      {elementwise<ockham::Tanh>(), same},
  };
  return all;
}

}  // namespace
}  // namespace channel_rules

void follow(ChannelFlow& flow, const Trace::Call& call) {
  const Op& op = *call.op;
  const auto rule = channel_rules::table().find(typeid(op));
  if (rule == channel_rules::table().end())
    throw Error(concat("channels: the op ", op.name(),
                       " has no rule for them; add one to nas/compression/channels/rules.cpp."));
  rule->second(flow, call);
}

}  // namespace ockham::nas
