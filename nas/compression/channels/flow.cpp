#include "nas/compression/channels/flow.h"

#include <algorithm>

#include "nas/layers/layer.h"
#include "ops/linear/linear_op.h"

namespace ockham::nas {

ChannelFlow::ChannelFlow(const Trace& trace, const Tensor& images, const Tensor& logits, Module& module)
    : state_(module.state()), used_(state_.size(), 0), images_(address(images)), calls_(&trace.calls()) {
  for (const auto& [name, layer] : module.modules<Linear>())
    linear_layers_[name] = layer;
  for (std::size_t p = 0; p < state_.size(); ++p) {
    const Tensor& value = state_[p]->value;
    parameters_[address(value)] = p;
    axes_.push_back({kNone, kNone});
    for (int axis = 0; axis < std::min(value.rank(), 2); ++axis)
      axes_[p][static_cast<std::size_t>(axis)] = new_elements(value.size(axis));
  }
  first_value_ = parent_.size();
  fix(images);
  for (const Trace::Call& call : *calls_) {
    if (std::ranges::any_of(call.x, [&](const Tensor& x) { return is_known(x); }))
      follow(*this, call);
  }
  fix(logits);
  calls_ = nullptr;
}

std::size_t ChannelFlow::new_elements(std::int64_t count) {
  const std::size_t first = parent_.size();
  for (std::int64_t i = 0; i < count; ++i)
    parent_.push_back(parent_.size());
  fixed_.resize(parent_.size(), 0);
  return first;
}

std::size_t ChannelFlow::root(std::size_t element) const {
  while (parent_[element] != element)
    element = parent_[element] = parent_[parent_[element]];
  return element;
}

std::size_t ChannelFlow::value(const Tensor& value) {
  const auto [it, is_new] = values_.try_emplace(address(value));
  if (is_new)
    it->second = new_elements(value.size(1));
  return it->second;
}

std::size_t ChannelFlow::parameter(const Tensor& value) const {
  const auto known = parameters_.find(address(value));
  return known != parameters_.end() && state_[known->second]->value.shape() == value.shape() ? known->second : kNone;
}

const Module* ChannelFlow::linear_layer(std::size_t weight) const {
  constexpr std::string_view kEnd = "weight";
  std::string name = state_[weight]->name;
  if (!name.ends_with(kEnd))
    return nullptr;
  name.resize(name.size() - kEnd.size());
  if (name.ends_with('.'))
    name.pop_back();
  const auto layer = linear_layers_.find(name);
  return layer == linear_layers_.end() ? nullptr : layer->second;
}

bool ChannelFlow::is_read_by_layers_alone(const Tensor& value) const {
  return std::ranges::all_of(*calls_, [&](const Trace::Call& call) {
    return std::ranges::none_of(call.x, [&](const Tensor& x) { return address(x) == address(value); }) ||
           (dynamic_cast<const ockham::Linear*>(call.op.get()) != nullptr && parameter(call.x[1]) != kNone &&
            linear_layer(parameter(call.x[1])) != nullptr);
  });
}

void ChannelFlow::tie(std::size_t a, std::size_t b, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t first = root(std::min(a, b) + i), second = root(std::max(a, b) + i);
    parent_[second] = first;
    fixed_[first] |= fixed_[second];
  }
}

void ChannelFlow::fix(const Tensor& tensor) {
  const std::size_t first = value(tensor);
  for (std::size_t c = 0; c < channels(tensor); ++c)
    fixed_[root(first + c)] = 1;
}

void ChannelFlow::add(Channelwise step) {
  for (std::size_t c = 0; c < step.channels; ++c) {
    for (std::size_t j = 0; j < step.spread; ++j) {
      for (const std::size_t x : step.x)
        tie(x + c, step.y + c * step.spread + j);
    }
  }
  const auto tie_parameter = [&](std::size_t parameter) {
    used_[parameter] = 1;
    tie(axis(parameter, 0), step.y, step.channels);
  };
  std::ranges::for_each(step.gains, tie_parameter);
  std::ranges::for_each(step.others, tie_parameter);
  for (const std::vector<std::size_t>& product : step.offsets)
    std::ranges::for_each(product, tie_parameter);
  steps_.emplace_back(std::move(step));
}

void ChannelFlow::add(const Dense& step) {
  const Shape& shape = state_[step.weight]->value.shape();
  used_[step.weight] = 1;
  tie(axis(step.weight, 0), step.y, static_cast<std::size_t>(shape[0]));
  tie(axis(step.weight, 1), step.x, static_cast<std::size_t>(shape[1]));
  steps_.emplace_back(step);
}

void ChannelFlow::add_features(const Tensor& tensor) {
  const std::size_t first = value(tensor);
  add(Channelwise{.x = {}, .y = first, .channels = channels(tensor), .keeps_zero = false});
  for (const Trace::Call& call : *calls_) {
    if (address(call.x[0]) == address(tensor))
      features_.push_back({.weight = parameter(call.x[1]), .first = first});
  }
}

}  // namespace ockham::nas
