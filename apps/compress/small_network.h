#pragma once
// What is left of a network when its pruned channels are removed: tested, timed beside the whole one, and saved.
#include "apps/runs/folder/checkpoints.h"
#include "nas/compression/channels/removal.h"
#include "nas/saved/saved_network.h"

namespace ockham::apps {

class SmallNetwork {
 public:
  /// A copy of a network, without what can go. @param tensors  its parameters and buffers by name
  /// @throws UsageError where nothing would be left
  SmallNetwork(const nlohmann::ordered_json& description, const std::map<std::string, Tensor>& tensors, DType dtype,
               Device device, std::int64_t multiple);

  std::vector<Parameter*> parameters() { return network_.module().parameters(ParameterKind::kWeight); }
  const nas::Removal& removal() const { return removal_; }
  Variable logits(const Context& context, const Variable& images) { return network_.logits(context, images); }
  /// As a checkpoint that evaluate and export take. @param normalisation  of its images
  void save(const std::filesystem::path& file, const nlohmann::ordered_json& normalisation);

 private:
  nlohmann::ordered_json description_;
  nas::SavedNetwork network_;
  nas::Removal removal_;
};

/// Milliseconds of a pass over so many images (nas/cost.h). @param image  [channels, height, width]
double milliseconds_of(const nas::Forward& forward, std::int64_t images, const Shape& image, const TensorForm& form);

/// Milliseconds for one image and for a hundred.
struct Latency {
  double one = 0.0, hundred = 0.0;
};
Latency latency_of(const nas::Forward& forward, const Shape& image, const TensorForm& form);

}  // namespace ockham::apps
