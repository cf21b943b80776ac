#include "nas/saved/narrow_network.h"

#include "engine/allocator.h"
#include "engine/json_file.h"

namespace ockham::nas {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kNarrowed = "checkpoint: what it says of removed channels";

/// @throws CheckpointError unless `sizes` are a part of `whole`
Shape narrow_shape(const std::string& name, const Shape& whole, const std::vector<std::int64_t>& sizes) {
  bool fits = static_cast<int>(sizes.size()) == whole.rank();
  for (int dim = 0; fits && dim < whole.rank(); ++dim) {
    const std::int64_t size = sizes[static_cast<std::size_t>(dim)];
    fits = dim < 2 ? size >= 1 && size <= whole[dim] : size == whole[dim];
  }
  if (!fits)
    throw CheckpointError(concat("checkpoint: what it says of removed channels leaves ", name, " the shape ",
                                 Json(sizes).dump(), ", which is no part of ", whole, "."));
  return Shape(std::span(sizes));
}

}  // namespace

Json narrowed_json(Module& module) {
  Json shapes = Json::object(), counts = Json::object();
  for (const Parameter* parameter : module.state()) {
    if (parameter->value.rank() > 0)
      shapes[parameter->name] = parameter->value.shape().sizes();
  }
  for (const auto& [name, layer] : module.modules<CountedLayer>())
    counts[name] = layer->channel_counts();
  return {{"shapes", shapes}, {"counts", counts}};
}

void narrow(Module& module, const Json& narrowed) {
  const auto shapes = value_of<Json>(narrowed, "shapes", kNarrowed);
  for (Parameter* parameter : module.state()) {
    const Tensor& value = parameter->value;
    if (value.rank() == 0)
      continue;
    const auto sizes = value_of<std::vector<std::int64_t>>(shapes, parameter->name.c_str(), kNarrowed);
    const Shape shape = narrow_shape(parameter->name, value.shape(), sizes);
    const MemoryScope scope(MemoryClass::kWeights);
    if (shape != value.shape())
      parameter->value = Tensor::zeros(shape, value.dtype(), value.device());
  }
  const auto counts = value_of<Json>(narrowed, "counts", kNarrowed);
  for (const auto& [name, layer] : module.modules<CountedLayer>()) {
    try {
      layer->set_channel_counts(value_of<std::vector<std::int64_t>>(counts, name.c_str(), kNarrowed));
    } catch (const UsageError& e) {
      throw CheckpointError(concat("checkpoint: what it says of removed channels does not fit ", name, ": ", e.what()));
    }
  }
}

void require_fitting(const std::function<void(const Tensor& images)>& forward, const FrameSpec& frame, DType dtype,
                     Device device) {
  try {
    forward(Tensor::zeros({1, frame.image_channels, frame.image_size, frame.image_size}, dtype, device));
  } catch (const Error& e) {
    throw CheckpointError(concat("checkpoint: the channels that it leaves do not fit one another: ", e.what()));
  }
}

}  // namespace ockham::nas
