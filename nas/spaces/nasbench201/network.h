#pragma once
// The stand-alone network of one cell: stem, three stages of equal cells, between them residual blocks that halve the
// map and double the channels, head. Dong and Yang 2020; names of parameters are those of the published networks.
#include <functional>

#include "nas/layers/layer.h"
#include "nas/network/classifier.h"
#include "nas/spaces/nasbench201/cell.h"

namespace ockham::nas::nasbench201 {

struct NetworkSpec {
  std::int64_t channels = 16;        ///< of the first stage
  std::int64_t cells_per_stage = 5;  ///< N
  std::int64_t classes = 10;
  std::int64_t image_channels = 3;
  bool is_affine = true;  ///< batch norm inside the cells with scale and shift; false in search networks
};

/// The reductions halve a map twice. @throws UsageError for sides in pixels that are no positive multiples of 4
void require_image_size(std::int64_t height, std::int64_t width);

/// ReLU, convolution, batch norm under "op"; skip_connect and avg_pool_3x3 (mean of what is there, without padding)
/// have no parameters. @throws UsageError for none, which is no layer
std::unique_ptr<Layer> make_operation(Operation operation, std::int64_t channels, bool is_affine, Initial& initial);

/// Everything around the cells, the same for the network of one cell and for the search network.
class Skeleton : public Module {
 public:
  using MakeCell = std::function<std::unique_ptr<Layer>(std::int64_t channels)>;
  /// @throws UsageError if a size is not positive, or above 1000 cells a stage
  Skeleton(const NetworkSpec& spec, Initial& initial, const MakeCell& make_cell);
  Variable forward(const Context& context, const Variable& images);
  /// The map whose mean over pixels the classifier takes.
  Variable features(const Context& context, const Variable& images);

 private:
  Layer* stem_;
  std::vector<Layer*> blocks_;  // cells and reductions
  Layer* last_;
  Linear* classifier_;
};

class Network : public Module {
 public:
  /// @throws UsageError as Skeleton
  Network(const Cell& cell, const NetworkSpec& spec, Initial& initial);

  /// Logits [N, classes] of images [N, image_channels, H, W]; H and W divisible by 4. Of a cell that transmits nothing:
  /// the same for every image.
  Variable forward(const Context& context, const Variable& images) { return skeleton_.forward(context, images); }
  /// [N, 4 channels, H / 4, W / 4]: what the head takes the mean of.
  Variable features(const Context& context, const Variable& images) { return skeleton_.features(context, images); }

 private:
  Skeleton& skeleton_;
};

/// The same as trainings, evaluation and checkpoints see it.
class CellClassifier : public Classifier {
 public:
  CellClassifier(const Cell& cell, const NetworkSpec& spec, Initial& initial)
      : network_(add("", std::make_unique<Network>(cell, spec, initial))) {}
  ClassifierOutput forward(const Context& context, const Variable& images) override {
    return {.logits = network_.forward(context, images)};
  }

 private:
  Network& network_;
};

}  // namespace ockham::nas::nasbench201
