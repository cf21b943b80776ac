#include "nas/spaces/proxyless/node_layer.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "ops/concat/concat.h"
#include "ops/drop_path/drop_path.h"
#include "ops/scale/scale.h"
#include "ops/slice/slice.h"

namespace ockham::nas::proxyless {
namespace {

constexpr std::uint64_t kStreamsPerStep = std::uint64_t{1} << 20;

std::unique_ptr<Conv> conv(std::int64_t channels, std::int64_t kernel, std::int64_t stride, std::int64_t groups,
                           Initial& initial) {
  auto layer = std::make_unique<Conv>(channels, channels, kernel,
                                      Conv2dAttrs{.stride = stride, .pad = kernel / 2, .groups = groups}, initial);
  Tensor& weight = layer->weight().value;
  weight = initial.normal(weight.shape(), std::sqrt(2.0 / static_cast<double>(kernel * kernel * (channels / groups))));
  return layer;
}

std::unique_ptr<Sequential> norm_relu(std::int64_t channels, Initial& initial) {
  auto layers = std::make_unique<Sequential>();
  layers->then("bn", std::make_unique<BatchNorm>(channels, true, initial)).then("relu", make_relu());
  return layers;
}

std::unique_ptr<Layer> separable(std::int64_t kernel, std::int64_t channels, std::int64_t stride, Initial& initial) {
  auto layers = norm_relu(channels, initial);
  layers->then("depthwise", conv(channels, kernel, stride, channels, initial))
      .then("pointwise", conv(channels, 1, 1, 1, initial));
  return layers;
}

std::unique_ptr<Layer> dense(std::int64_t kernel, std::int64_t channels, std::int64_t stride, std::int64_t groups,
                             Initial& initial) {
  auto layers = norm_relu(channels, initial);
  layers->then("conv", conv(channels, kernel, stride, groups, initial));
  return layers;
}

std::unique_ptr<Layer> average(std::int64_t kernel, std::int64_t stride, std::int64_t pad) {
  return std::make_unique<AvgPool>(
      AvgPool2dAttrs{.kernel = kernel, .stride = stride, .pad = pad, .count_include_pad = false});
}

}  // namespace

std::unique_ptr<Layer> make_operation(Operation operation, std::int64_t channels, std::int64_t stride,
                                      Initial& initial) {
  if (channels < 1)
    throw UsageError(concat("proxyless: an operation ", name_of(operation), " on ", channels,
                            " channels; a concat has at most as many branches as channels."));
  switch (operation) {
    case Operation::kConv3:
      return dense(3, channels, stride, channels % 2 == 0 ? 2 : 1, initial);
    case Operation::kConv1:
      return dense(1, channels, stride, 1, initial);
    case Operation::kSep3:
      return separable(3, channels, stride, initial);
    case Operation::kSep5:
      return separable(5, channels, stride, initial);
    case Operation::kSep7:
      return separable(7, channels, stride, initial);
    case Operation::kMaxPool3:
      return std::make_unique<MaxPool>(MaxPool2dAttrs{.kernel = 3, .stride = stride, .pad = 1});
    case Operation::kAvgPool3:
      return average(3, stride, 1);
    case Operation::kIdentity:
      return stride == 1 ? make_identity() : average(2, stride, 0);
  }
  throw Error("proxyless: unknown operation.");
}

NodeLayer::NodeLayer(const Node& node, std::int64_t channels, std::int64_t stride, BlockState& state, Initial& initial)
    : merge_(node.merge), state_(state) {
  const auto places = std::ssize(node.branches);
  state.switches.nodes.emplace_back();
  // As many to each, the rest to the first.
  for (std::int64_t k = 0; k <= places; ++k)
    begin_.push_back(merge_ == Merge::kMean ? (k < places ? 0 : channels)
                                            : k * (channels / places) + std::min(k, channels % places));
  if (state.has_switches && merge_ == Merge::kMean)
    outer_ = &add_parameter("switches", initial.constant({places}, 1.0), ParameterKind::kSwitch);
  for (std::size_t k = 0; k < node.branches.size(); ++k) {
    if (node.branches[k].operation)
      add_way(node.branches[k], k, stride, initial);
  }
}

void NodeLayer::add_way(const Branch& branch, std::size_t place, std::int64_t stride, Initial& initial) {
  const std::int64_t channels = merge_ == Merge::kMean ? begin_.back() : begin_[place + 1] - begin_[place];
  BlockSwitches& switches = state_.switches;
  Way way{
      .edge = switches.edges.size(),
      .place = place,
      .operation = &add(ockham::concat(place, ".op"), make_operation(*branch.operation, channels, stride, initial))};
  switches.edges.emplace_back();
  state_.is_kept.push_back(true);
  SwitchPlaces::Entry behind = state_.has_switches ? add_outer(way, initial) : SwitchPlaces::Entry{};
  if (branch.node.is_end()) {
    switches.edges[way.edge] = behind;
  } else {
    if (state_.has_switches) {
      way.inner = &add_parameter(ockham::concat(place, ".switch"), initial.constant({1}, 1.0), ParameterKind::kSwitch);
      switches.edges[way.edge] = {way.inner, 0};
    }
    const std::size_t number = switches.nodes.size();
    way.node =
        &add(ockham::concat(place, ".node"), std::make_unique<NodeLayer>(branch.node, channels, 1, state_, initial));
    switches.nodes[number] = behind;
  }
  ways_.push_back(way);
}

/// What multiplies all that the branch gives. One op reads each parameter: only then algorithm R is exact.
SwitchPlaces::Entry NodeLayer::add_outer(Way& way, const Initial& initial) {
  if (outer_ != nullptr)
    return {outer_, way.place};
  way.outer =
      &add_parameter(ockham::concat("switches.", way.place), initial.constant({1}, 1.0), ParameterKind::kSwitch);
  return {way.outer, 0};
}

bool NodeLayer::is_empty() const {
  return std::ranges::none_of(ways_, [this](const Way& way) { return state_.is_kept[way.edge]; });
}

Variable NodeLayer::input_of(const Way& way, const Variable& x) const {
  return merge_ == Merge::kMean ? x : slice(x, 1, begin_[way.place], begin_[way.place + 1]);
}

Deferred NodeLayer::run(const Context& context, const Way& way, const Variable& x) const {
  Deferred y = deferred(context, *way.operation, {.z = input_of(way, x)});
  if (way.node != nullptr) {
    const Variable middle = applied(y);
    y = {.z = way.node->forward(context, way.inner != nullptr ? scale(middle, context.use(*way.inner)) : middle)};
  }
  if (way.outer != nullptr)
    y = {.z = scale(applied(y), context.use(*way.outer))};
  const bool drops = context.is_training && (context.moving.is_defined() || state_.drop_probability > 0.0);
  return drops && !state_.has_switches ? Deferred{.z = dropped(context, way, applied(y))} : y;
}

Variable NodeLayer::dropped(const Context& context, const Way& way, const Variable& y) const {
  DropAttrs attrs{
      .p = state_.drop_probability, .key = context.key, .moving = context.moving, .stride = kStreamsPerStep};
  attrs.key.step = context.key.step * kStreamsPerStep + state_.first_stream + way.edge;
  attrs.key.purpose = Purpose::kDropPath;
  return drop_path(y, attrs);
}

Variable NodeLayer::mean(const Context& context, const Variable& x) const {
  std::vector<Deferred> maps;
  std::vector<std::int64_t> places;
  for (const Way& way : ways_) {
    if (!state_.is_kept[way.edge])
      continue;
    maps.push_back(run(context, way, x));
    places.push_back(static_cast<std::int64_t>(way.place));
  }
  const Variable sum = outer_ != nullptr ? mixed(context, context.use(*outer_), maps, places) : added(context, maps);
  const auto all = std::ssize(begin_) - 1;
  return all == 1 ? sum : scale(sum, 1.0 / static_cast<double>(all));
}

Variable NodeLayer::joined(const Context& context, const Variable& x) const {
  std::vector<Variable> parts(begin_.size() - 1);
  Shape shape;
  for (const Way& way : ways_) {
    if (!state_.is_kept[way.edge])
      continue;
    parts[way.place] = applied(run(context, way, x));
    shape = parts[way.place].shape();
  }
  for (std::size_t k = 0; k < parts.size(); ++k) {
    if (parts[k].value().is_defined())
      continue;
    parts[k] = Tensor::zeros({shape[0], begin_[k + 1] - begin_[k], shape[2], shape[3]}, x.dtype(), x.device());
  }
  return parts.size() == 1 ? parts[0] : ockham::concat(parts);
}

Variable NodeLayer::forward(const Context& context, const Variable& x) {
  OCKHAM_ASSERT(!is_empty());
  return merge_ == Merge::kMean ? mean(context, x) : joined(context, x);
}

}  // namespace ockham::nas::proxyless
