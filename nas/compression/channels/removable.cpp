#include "nas/compression/channels/removable.h"

#include <algorithm>
#include <map>

#include "engine/error.h"

namespace ockham::nas {
namespace {

/// Which entries of a parameter are not zero, as far as channels go.
class Survey {
 public:
  explicit Survey(const ChannelGraph& graph)
      : graph_(graph),
        flow_(graph.flow()),
        is_gone_(graph.classes().size(), false),
        is_zero_(flow_.elements(), 0),
        silent_(flow_.state().size()),
        connected_(flow_.state().size()) {
    for (const ChannelFlow::Step& step : flow_.steps())
      std::visit([&](const auto& kind) { read(kind); }, step);
  }

  /// To the fixed point. Zero channels stay zero when inputs go, so that each is judged by those before it.
  std::vector<bool> settle() {
    for (bool changes = true; changes;) {
      changes = false;
      find_zeros();
      const std::vector<char> needed = needed_classes();
      for (std::size_t k = 0; k < is_gone_.size(); ++k) {
        if (!is_gone_[k] && !graph_.classes()[k].is_fixed && needed[k] == 0)
          changes = is_gone_[k] = true;
      }
    }
    return is_gone_;
  }

 private:
  template <class Body>
  void each_nonzero(std::size_t parameter, Body&& body) const {
    const Tensor value = flow_.state()[parameter]->value.to(Device{}).to(DType::kFloat64).contiguous();
    const double* w = value.data<double>();
    for (std::int64_t i = 0; i < value.numel(); ++i) {
      if (w[i] != 0.0)
        body(static_cast<std::size_t>(i));
    }
  }

  std::size_t inner(std::size_t parameter, int axis) const {
    const Tensor& value = flow_.state()[parameter]->value;
    return static_cast<std::size_t>(value.shape().row_major_strides()[static_cast<std::size_t>(axis)]);
  }

  void read(const ChannelFlow::Channelwise& step) {
    std::ranges::for_each(step.gains, [&](std::size_t parameter) { hear(parameter); });
    for (const std::vector<std::size_t>& product : step.offsets)
      std::ranges::for_each(product, [&](std::size_t parameter) { hear(parameter); });
  }
  void read(const ChannelFlow::Dense& step) { connect(step.weight); }

  void connect(std::size_t weight) {
    const Shape& shape = flow_.state()[weight]->value.shape();
    if (!connected_[weight].empty())
      return;
    connected_[weight].assign(static_cast<std::size_t>(shape[0] * shape[1]), 0);
    const std::size_t kernel = inner(weight, 1);
    each_nonzero(weight, [&](std::size_t i) { connected_[weight][i / kernel] = 1; });
  }

  void hear(std::size_t parameter) {
    if (!silent_[parameter].empty())
      return;
    silent_[parameter].assign(static_cast<std::size_t>(flow_.state()[parameter]->value.size(0)), 1);
    const std::size_t kernel = inner(parameter, 0);
    each_nonzero(parameter, [&](std::size_t i) { silent_[parameter][i / kernel] = 0; });
  }

  bool is_gone(std::size_t element) const {
    const std::size_t k = graph_.class_of(element);
    return k != ChannelFlow::kNone && is_gone_[k];
  }

  void find_zeros() {
    std::ranges::fill(is_zero_, 0);
    for (const ChannelFlow::Step& step : flow_.steps())
      std::visit([&](const auto& kind) { find_zeros(kind); }, step);
  }

  void find_zeros(const ChannelFlow::Channelwise& step) {
    for (std::size_t c = 0; c < step.channels; ++c) {
      const auto is_silent = [&](std::size_t parameter) { return silent_[parameter][c] != 0; };
      const bool starts_at_zero = step.keeps_zero && std::ranges::all_of(step.offsets, [&](const auto& product) {
                                    return std::ranges::any_of(product, is_silent);
                                  });
      const bool is_zero =
          starts_at_zero && (std::ranges::any_of(step.gains, is_silent) ||
                             std::ranges::all_of(step.x, [&](std::size_t x) { return is_zero_[x + c] != 0; }));
      std::fill_n(is_zero_.begin() + static_cast<std::ptrdiff_t>(step.y + c * step.spread), step.spread, is_zero);
    }
  }

  /// Calls body(o, i) for the connections between channels that are there and not zero.
  template <class Body>
  void each_connection(const ChannelFlow::Dense& step, Body&& body) const {
    const Shape& shape = flow_.state()[step.weight]->value.shape();
    const auto O = static_cast<std::size_t>(shape[0]), I = static_cast<std::size_t>(shape[1]);
    std::vector<char> passes(I);
    for (std::size_t i = 0; i < I; ++i)
      passes[i] = is_zero_[step.x + i] == 0 && !is_gone(step.x + i);
    for (std::size_t o = 0; o < O; ++o) {
      for (std::size_t i = 0; i < I; ++i) {
        if (passes[i] != 0 && connected_[step.weight][o * I + i] != 0)
          body(o, i);
      }
    }
  }

  void find_zeros(const ChannelFlow::Dense& step) {
    std::fill_n(is_zero_.begin() + static_cast<std::ptrdiff_t>(step.y), flow_.state()[step.weight]->value.size(0), 1);
    each_connection(step, [&](std::size_t o, std::size_t) { is_zero_[step.y + o] = 0; });
  }

  std::vector<char> needed_classes() const {
    std::vector<char> needed(is_gone_.size(), 0);
    for (const ChannelFlow::Step& step : flow_.steps()) {
      const auto* dense = std::get_if<ChannelFlow::Dense>(&step);
      if (dense == nullptr)
        continue;
      each_connection(*dense, [&](std::size_t o, std::size_t i) {
        const std::size_t k = graph_.class_of(dense->x + i);
        if (k != ChannelFlow::kNone && !is_gone(dense->y + o))
          needed[k] = 1;
      });
    }
    return needed;
  }

  const ChannelGraph& graph_;
  const ChannelFlow& flow_;
  std::vector<bool> is_gone_;                 // of classes
  std::vector<char> is_zero_;                 // of elements, for every image
  std::vector<std::vector<char>> silent_;     // of parameters, by their first axis
  std::vector<std::vector<char>> connected_;  // of weights, by both
};

/// By parameter and axis, the classes of its indices in order.
std::map<std::pair<std::size_t, int>, std::vector<std::size_t>> classes_of_axes(const ChannelGraph& graph) {
  std::map<std::pair<std::size_t, int>, std::vector<std::size_t>> axes;
  for (std::size_t k = 0; k < graph.classes().size(); ++k) {
    for (const auto& [parameter, axis, index] : graph.classes()[k].slices) {
      std::vector<std::size_t>& axis_classes = axes[{parameter, axis}];
      axis_classes.resize(static_cast<std::size_t>(graph.state()[parameter]->value.size(axis)), ChannelFlow::kNone);
      axis_classes[static_cast<std::size_t>(index)] = k;
    }
  }
  return axes;
}

/// Lets the first ones stay after all, until the number is a multiple. @return whether any does
bool keep_more(const std::vector<std::size_t>& axis, std::int64_t multiple, std::vector<bool>& is_gone) {
  auto kept = std::ranges::count_if(axis, [&](std::size_t k) { return k == ChannelFlow::kNone || !is_gone[k]; });
  bool changes = false;
  for (const std::size_t k : axis) {
    if (kept > 0 && kept % multiple == 0)
      break;
    if (k == ChannelFlow::kNone || !is_gone[k])
      continue;
    is_gone[k] = false;
    kept += std::ranges::count(axis, k);
    changes = true;
  }
  return changes;
}

}  // namespace

std::vector<bool> removable(const ChannelGraph& graph, std::int64_t multiple) {
  if (multiple < 1)
    throw UsageError(concat("channels: their number cannot be a multiple of ", multiple, "; give 1 or more."));
  std::vector<bool> is_gone = Survey(graph).settle();
  const auto free = std::ranges::count(graph.classes(), false, &ChannelClass::is_fixed);
  if (free > 0 && std::ranges::count(is_gone, true) == free)
    throw UsageError(concat("channels: none of the ", free,
                            " that could go is needed, so that nothing leads from the "
                            "images to the logits; prune less."));
  const auto axes = classes_of_axes(graph);
  for (bool changes = true; changes;) {
    changes = false;
    for (const auto& [axis, classes] : axes)
      changes |= keep_more(classes, axis.second == 0 ? multiple : 1, is_gone);
  }
  return is_gone;
}

}  // namespace ockham::nas
