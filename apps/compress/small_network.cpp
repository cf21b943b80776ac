#include "apps/compress/small_network.h"

#include "nas/cost.h"
#include "nas/methods/weight_training.h"
#include "nas/saved/narrow_network.h"

namespace ockham::apps {
SmallNetwork::SmallNetwork(const nlohmann::ordered_json& description, const std::map<std::string, Tensor>& tensors,
                           DType dtype, Device device, std::int64_t multiple)
    : description_(description), network_(nas::restore_network(description, tensors, dtype, device)) {
  const nas::FrameSpec& frame = network_.frame;
  removal_ = nas::remove_channels([this](const Context& c, const Variable& x) { return network_.logits(c, x); },
                                  network_.module(), {frame.image_channels, frame.image_size, frame.image_size},
                                  {.multiple = multiple});
  description_["narrowed"] = nas::narrowed_json(network_.module());
}

void SmallNetwork::save(const std::filesystem::path& file, const nlohmann::ordered_json& normalisation) {
  Checkpoint checkpoint{.network = description_, .position = nlohmann::ordered_json::object(), .tensors = {}};
  checkpoint.network["normalisation"] = normalisation;
  nas::add_network("", network_.module(), checkpoint.tensors);
  write_checkpoint(file, checkpoint);
}

double milliseconds_of(const nas::Forward& forward, std::int64_t images, const Shape& image, const TensorForm& form) {
  return nas::latency_ms(forward, Tensor::zeros({images, image[0], image[1], image[2]}, form.dtype, form.device));
}

Latency latency_of(const nas::Forward& forward, const Shape& image, const TensorForm& form) {
  return {.one = milliseconds_of(forward, 1, image, form), .hundred = milliseconds_of(forward, 100, image, form)};
}

}  // namespace ockham::apps
