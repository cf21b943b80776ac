#pragma once
// Removal of channels: what pruning has set to zero goes, and what only it kept alive. The network stays the same tree
// of modules, with smaller tensors and the same function.
#include <map>

#include "nas/compression/channels/channel_graph.h"

namespace ockham::nas {

/// What is left of a tensor: indices along its first and second axis, rising. An axis that it lacks has none.
struct KeptIndices {
  std::vector<std::int64_t> rows, columns;
};
/// That part of a tensor, which has the shape of the parameter before the removal: of its mask, average or moment.
/// @throws ShapeError for indices outside it
Tensor kept_part(const Tensor& whole, const KeptIndices& kept);

struct RemovalOptions {
  std::int64_t multiple = 1;  ///< filters of a layer are left in multiples of it, as kernels like them: see removable()
};

struct Removal {
  /// Of one convolution or linear layer: filters and input channels, before and after.
  struct Layer {
    std::string name;  ///< of its weight
    std::int64_t filters_before = 0, filters = 0;
    std::int64_t inputs_before = 0, inputs = 0;
  };
  std::vector<Layer> layers;                           ///< those of which something went
  std::int64_t parameters_before = 0, parameters = 0;  ///< weights and biases that are trained
  std::int64_t macs_before = 0, macs = 0;              ///< of one image
  std::map<std::string, KeptIndices> kept = {};        ///< of all parameters and buffers that are no scalars
  double gap = 0.0;  ///< largest change of a logit over the largest logit, on two images of noise
};

/// Removes what can go by the weights as they are (removable.h). Parameters get new tensors, without gradients: what
/// is kept beside them elsewhere, such as masks and an optimizer's moments, needs its kept_part().
/// @param image  [channels, side, side]
/// @throws UsageError where nothing would be left, or a weight takes no part in inference (an auxiliary head): it would
///         no longer fit; Error if the logits of noise change by more than rounding, and nothing is changed then
Removal remove_channels(const Forward& forward, Module& module, const Shape& image, const RemovalOptions& options = {});

}  // namespace ockham::nas
