#pragma once
// The stand-alone network of one cell: stem, three stacks of equal cells, before the second and third a 2x2 max pool
// and twice the channels; mean over the map, classifier. Ying et al. 2019 (NAS-Bench-101), except for the initial
// weights of convolutions, which are Conv's and which the batch norm behind every convolution makes irrelevant in
// scale, and for running statistics, which move by 0.1 of a batch and not by 0.003 (see BatchNorm).
#include <functional>

#include "nas/layers/layer.h"
#include "nas/spaces/nasbench1shot1/cell.h"

namespace ockham::nas::nasbench1shot1 {

struct NetworkSpec {
  std::int64_t channels = 128;  ///< of the stem and the first stack
  std::int64_t cells_per_stack = 3;
  std::int64_t classes = 10;
  std::int64_t image_channels = 3;
};

/// Convolution that keeps the map, batch norm, ReLU under "op".
std::unique_ptr<Layer> make_conv_norm_relu(std::int64_t in, std::int64_t out, std::int64_t kernel, Initial& initial);
/// C to C channels; the pool (3x3, stride 1) has no parameters.
std::unique_ptr<Layer> make_operation(Operation operation, std::int64_t channels, Initial& initial);

/// Stem and stacks of cells, the same for the network of one cell and for the search network.
class Stacks : public Layer {
 public:
  /// A cell that takes `in` channels in a stack of `channels`.
  using MakeCell = std::function<std::unique_ptr<Layer>(std::int64_t in, std::int64_t channels)>;
  /// @param widening channels that a cell gives for each of its stack's
  /// @param pool_pad padding of the pools between stacks
  /// @throws UsageError if a size is not positive
  Stacks(const NetworkSpec& spec, std::int64_t widening, std::int64_t pool_pad, Initial& initial,
         const MakeCell& make_cell);
  Variable forward(const Context& context, const Variable& images) override;
  /// Of the last stack, not widened.
  std::int64_t channels() const { return channels_; }

 private:
  std::int64_t cells_per_stack_;
  std::int64_t channels_;
  MaxPool pool_;
  Layer* stem_;
  std::vector<Layer*> cells_;
};

class Network : public Module {
 public:
  /// Of the pruned cell.
  /// @throws UsageError if a size is not positive or there are fewer channels than the cell's output joins nodes
  Network(const Cell& cell, const NetworkSpec& spec, Initial& initial);

  /// Logits [N, classes] of images [N, image_channels, H, W]; H and W divisible by 4.
  Variable forward(const Context& context, const Variable& images);
  /// [N, 4 channels, H / 4, W / 4]: what the head takes the mean of.
  Variable features(const Context& context, const Variable& images) { return stacks_->forward(context, images); }

 private:
  Stacks* stacks_;
  Linear* classifier_;
};

/// Trainable numbers of the network, batch norm included; those that NAS-Bench-101 lists.
/// @throws UsageError as Network does
std::int64_t parameter_count(const Cell& cell, const NetworkSpec& spec = {});
/// Multiply-accumulates of its convolutions and its classifier for one square image of a size divisible by 4.
std::int64_t mac_count(const Cell& cell, const NetworkSpec& spec = {}, std::int64_t image_size = 32);

}  // namespace ockham::nas::nasbench1shot1
