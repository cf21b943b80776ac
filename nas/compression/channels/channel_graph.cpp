#include "nas/compression/channels/channel_graph.h"

#include <algorithm>

#include "engine/random.h"

namespace ockham::nas {
namespace {

ChannelFlow flow_of(const Forward& forward, Module& module, const Shape& image) {
  const std::vector<Parameter*> state = module.parameters(ParameterKind::kWeight);
  if (state.empty())
    throw UsageError("channels: the network has no weights.");
  const Tensor& like = state[0]->value;
  const Tensor images = Tensor::zeros({1, image[0], image[1], image[2]}, like.dtype(), like.device());
  const Trace trace;
  Context context;
  context.fuses = false;
  const Tensor logits = forward(context, images).value();
  return {trace, images, logits, module};
}

}  // namespace

ChannelGraph::ChannelGraph(const Forward& forward, Module& module, const Shape& image)
    : flow_(flow_of(forward, module, image)), class_of_(flow_.elements(), ChannelFlow::kNone) {
  std::unordered_map<std::size_t, std::size_t> class_of_root;
  for (std::size_t e = 0; e < class_of_.size(); ++e) {
    if (flow_.is_of_value(e))
      class_of_root.try_emplace(flow_.root(e), 0);
  }
  for (std::size_t p = 0; p < state().size(); ++p) {
    for (int axis = 0; axis < 2; ++axis) {
      const std::size_t first = flow_.axis(p, axis);
      const std::int64_t size = first == ChannelFlow::kNone ? 0 : state()[p]->value.size(axis);
      for (std::int64_t i = 0; i < size; ++i) {
        const std::size_t root = flow_.root(first + static_cast<std::size_t>(i));
        const auto known = class_of_root.find(root);
        if (known == class_of_root.end())
          continue;
        if (known->second == 0) {
          classes_.push_back({.name = concat(state()[p]->name, axis == 0 ? "[" : "[:,", i, ']'),
                              .slices = {},
                              .is_fixed = flow_.is_fixed(root)});
          known->second = classes_.size();  // one more than its place
        }
        classes_[known->second - 1].slices.push_back({p, axis, i});
      }
    }
  }
  for (std::size_t e = 0; e < class_of_.size(); ++e) {
    const auto known = class_of_root.find(flow_.root(e));
    if (known != class_of_root.end() && known->second != 0)
      class_of_[e] = known->second - 1;
  }
}

}  // namespace ockham::nas
