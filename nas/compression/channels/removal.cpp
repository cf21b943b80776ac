#include "nas/compression/channels/removal.h"

#include <algorithm>
#include <cstring>

#include "engine/allocator.h"
#include "engine/math.h"
#include "engine/random.h"
#include "nas/compression/channels/removable.h"
#include "nas/cost.h"
#include "nas/layers/layer.h"

namespace ockham::nas {
namespace {

using Indices = std::vector<std::int64_t>;

/// What is left of a network, and what it was.
class Narrowing {
 public:
  Narrowing(Module& module, const ChannelGraph& graph, const std::vector<bool>& is_gone)
      : graph_(graph), is_gone_(is_gone), kept_(graph.state().size()) {
    for (std::size_t p = 0; p < kept_.size(); ++p) {
      const Tensor& value = graph.state()[p]->value;
      before_.push_back(value);
      for (int axis = 0; axis < std::min(value.rank(), 2); ++axis) {
        Indices& kept = axis == 0 ? kept_[p].rows : kept_[p].columns;
        const std::size_t first = graph.flow().axis(p, axis);
        for (std::int64_t i = 0; i < value.size(axis); ++i) {
          if (stays(first + static_cast<std::size_t>(i)))
            kept.push_back(i);
        }
      }
    }
    for (const auto& [name, layer] : module.modules<CountedLayer>())
      counts_before_.emplace_back(layer, layer->channel_counts());
  }

  void apply() {
    for (std::size_t p = 0; p < kept_.size(); ++p) {
      Parameter& parameter = *graph_.state()[p];
      if (before_[p].rank() > 0)
        parameter.value = kept_part(before_[p], kept_[p]);
      parameter.grad = {};
    }
    for (auto& [layer, counts] : counts_before_)
      layer->set_channel_counts(counts_after(*layer, counts));
  }

  void undo() {
    for (std::size_t p = 0; p < kept_.size(); ++p)
      graph_.state()[p]->value = before_[p];
    for (auto& [layer, counts] : counts_before_)
      layer->set_channel_counts(counts);
  }

  std::vector<Removal::Layer> layers() const {
    std::vector<Removal::Layer> result;
    for (const ChannelFlow::Step& step : graph_.flow().steps()) {
      const auto* dense = std::get_if<ChannelFlow::Dense>(&step);
      if (dense == nullptr)
        continue;
      const std::size_t p = dense->weight;
      const Shape &before = before_[p].shape(), &after = graph_.state()[p]->value.shape();
      const std::string& name = graph_.state()[p]->name;
      if (before != after && std::ranges::find(result, name, &Removal::Layer::name) == result.end())
        result.push_back({name, before[0], after[0], before[1], after[1]});
    }
    return result;
  }

  std::map<std::string, KeptIndices> kept() const {
    std::map<std::string, KeptIndices> result;
    for (std::size_t p = 0; p < kept_.size(); ++p) {
      if (before_[p].rank() > 0)
        result[graph_.state()[p]->name] = kept_[p];
    }
    return result;
  }

 private:
  bool stays(std::size_t element) const {
    const std::size_t k = graph_.class_of(element);
    return k == ChannelFlow::kNone || !is_gone_[k];
  }

  Indices counts_after(const CountedLayer& layer, const Indices& before) const {
    if (dynamic_cast<const Linear*>(&layer) != nullptr)
      return features_after(layer, before);
    Indices counts = before;
    for (const ChannelFlow::Zeros& zeros : graph_.flow().zeros()) {
      if (zeros.owner != &layer)
        continue;
      for (std::size_t c = 0; c < zeros.channels; ++c)
        counts[zeros.is_behind ? 1 : 0] -= stays(zeros.first + c) ? 0 : 1;
    }
    return counts;
  }

  Indices features_after(const Module& layer, const Indices& before) const {
    const ChannelFlow& flow = graph_.flow();
    for (const ChannelFlow::Features& features : flow.features()) {
      if (flow.linear_layer(features.weight) != &layer)
        continue;
      Indices read = kept_[features.weight].columns;
      if (before.empty() && static_cast<std::int64_t>(read.size()) == before_[features.weight].size(1))
        return {};
      if (!before.empty())
        std::ranges::transform(read, read.begin(), [&](std::int64_t i) { return before[static_cast<std::size_t>(i)]; });
      return read;
    }
    return before;
  }

  const ChannelGraph& graph_;
  const std::vector<bool>& is_gone_;
  std::vector<KeptIndices> kept_;  // of parameters
  std::vector<Tensor> before_;
  std::vector<std::pair<CountedLayer*, Indices>> counts_before_;
};

/// @throws UsageError for a weight that inference does not read: channels that it reads could go
void require_all_used(const ChannelGraph& graph) {
  for (std::size_t p = 0; p < graph.state().size(); ++p) {
    const Parameter& parameter = *graph.state()[p];
    if (parameter.kind == ParameterKind::kWeight && parameter.value.rank() > 0 && !graph.flow().is_used(p))
      throw UsageError(concat("channels: ", parameter.name, ", ", parameter.value.shape(),
                              ", takes no part in "
                              "inference, so that it would not fit the channels that stay; build the network without "
                              "it, such as without its auxiliary head."));
  }
}

double gap_between(const Tensor& before, const Tensor& after) {
  Tensor difference = before.clone();
  axpy(-1.0, after.contiguous(), difference);
  const double largest = max_abs(before);
  return largest == 0.0 ? max_abs(difference) : max_abs(difference) / largest;
}

}  // namespace

Tensor kept_part(const Tensor& whole, const KeptIndices& kept) {
  const auto& [rows, columns] = kept;
  const bool has_columns = whole.rank() > 1;
  const auto lie_within = [&](const Indices& indices, int axis) {
    return std::ranges::all_of(indices, [&](std::int64_t i) { return i >= 0 && i < whole.size(axis); });
  };
  if (whole.rank() < 1 || !lie_within(rows, 0) || (has_columns && !lie_within(columns, 1)))
    throw ShapeError(concat("channels: indices that were kept do not lie in a tensor of shape ", whole.shape(),
                            "; give one of the shape before the removal."));
  Shape shape = whole.shape().with(0, static_cast<std::int64_t>(rows.size()));
  if (has_columns)
    shape = shape.with(1, static_cast<std::int64_t>(columns.size()));
  if (shape == whole.shape())
    return whole;
  const MemoryScope scope(MemoryClass::kWeights);
  const Tensor source = whole.to(Device{}).contiguous();
  Tensor result(shape, whole.dtype());
  const Indices one{0};
  const std::int64_t C = has_columns ? whole.size(1) : 1;
  const std::size_t bytes = whole.nbytes() / static_cast<std::size_t>(whole.size(0) * C);
  const std::byte* from = source.device_bytes();
  std::byte* to = result.device_bytes();
  for (const std::int64_t row : rows) {
    for (const std::int64_t column : has_columns ? columns : one) {
      std::memcpy(to, from + static_cast<std::size_t>(row * C + column) * bytes, bytes);
      to += bytes;
    }
  }
  return result.to(whole.device());
}

Removal remove_channels(const Forward& forward, Module& module, const Shape& image, const RemovalOptions& options) {
  const ChannelGraph graph(forward, module, image);
  require_all_used(graph);
  const Tensor& like = module.parameters(ParameterKind::kWeight)[0]->value;
  const DType dtype = like.dtype();
  Tensor images({2, image[0], image[1], image[2]}, dtype);
  fill_normal(images, {.seed = 1, .purpose = Purpose::kTest});
  images = images.to(like.device());
  const auto count = [&](std::int64_t& parameters, std::int64_t& macs) {
    parameters = count_elements(module.parameters(ParameterKind::kWeight));
    macs = count_macs(forward, image[0], image[1], dtype, images.device());
  };
  const auto logits = [&] { return forward({}, images).value().to(Device{}); };
  Removal result;
  count(result.parameters_before, result.macs_before);
  const Tensor before = logits();
  const std::vector<bool> is_gone = removable(graph, options.multiple);
  Narrowing narrowing(module, graph, is_gone);
  const double limit = dtype == DType::kFloat64 ? 1e-11 : 1e-4;
  try {
    narrowing.apply();
    result.gap = gap_between(before, logits());
    if (!(result.gap <= limit))
      throw Error(concat("channels: removal changed the logits by ", result.gap, " of the largest, more than ", limit,
                         " that rounding may; nothing was removed."));
  } catch (...) {
    narrowing.undo();
    throw;
  }
  count(result.parameters, result.macs);
  result.layers = narrowing.layers();
  result.kept = narrowing.kept();
  return result;
}

}  // namespace ockham::nas
