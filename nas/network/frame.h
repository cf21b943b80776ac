#pragma once
// What search and evaluation networks have in common around their cells: stem, order and width of the cells,
// pre-processors, head. Liu et al. 2019 (DARTS), section 3; Zhou et al. 2019 (BayesNAS), as released (f55a71c).
#include <functional>
#include <vector>

#include "nas/cell/cell_spec.h"
#include "nas/layers/operations.h"
#include "nas/layers/whitening.h"

namespace ockham::nas {

/// kCifar: one 3x3 convolution at full size. kImageNet: three strided ones, eight times smaller.
enum class Stem { kCifar, kImageNet };

struct FrameSpec {
  Style style = Style::kBayesNas;
  Stem stem = Stem::kCifar;
  std::int64_t channels = 36;  ///< of the first cell's nodes; doubles at each reduction
  std::int64_t cells = 8;      ///< reductions at cells/3 and 2*cells/3
  std::int64_t classes = 10;
  std::int64_t image_channels = 3;
  std::int64_t image_size = 32;
  bool is_affine = true;                      ///< batch norm of pre-processors; false in DARTS search networks
  Reduction reduction = Reduction::kStrided;  ///< kBayesNas pre-processors
  bool whitens = false;                       ///< a whitening layer before the stem (layers/whitening.h)
  bool head_has_relu = true;  ///< kBayesNas: ReLU between the last batch norm and pooling (search networks)
};

/// What one cell is told about its place.
struct CellPlace {
  std::int64_t index = 0;
  CellKind kind = CellKind::kNormal;
  std::int64_t channels = 0;           ///< of its nodes
  std::int64_t older_channels = 0;     ///< of c_{k-2}
  std::int64_t previous_channels = 0;  ///< of c_{k-1}
  bool older_is_larger = false;        ///< c_{k-2} has a map of twice the size
};

/// A cell of either kind of network.
class Cell : public Module {
 public:
  /// Concatenated node outputs. older = c_{k-2}, previous = c_{k-1}.
  virtual Variable forward(const Context& context, const Deferred& older, const Deferred& previous) = 0;
  /// Channels of the output.
  virtual std::int64_t width() const = 0;
};

/// Pre-processors of a cell's two inputs, "preprocess0" and "preprocess1".
class CellInputs : public Module {
 public:
  CellInputs(const FrameSpec& spec, const CellPlace& place, Initial& initial);
  /// Both, with what they may defer where the context fuses.
  std::vector<Deferred> run(const Context& context, const Deferred& older, const Deferred& previous);

 private:
  Layer& older_;
  Layer& previous_;
};

/// Stem, cells and head.
class Frame : public Module {
 public:
  using MakeCell = std::function<std::unique_ptr<Cell>(const CellPlace&)>;
  /// @throws UsageError if sizes are not positive, or a reduction meets an odd map, with the remedy
  Frame(const FrameSpec& spec, Initial& initial, const MakeCell& make_cell);

  /// Logits [N, classes] of images [N, image_channels, image_size, image_size]. after_cell, if given, sees each cell's
  /// output.
  Variable forward(const Context& context, const Variable& images,
                   const std::function<void(std::int64_t, const Variable&)>& after_cell = {});
  const FrameSpec& spec() const { return spec_; }
  /// Null unless the spec whitens.
  Whitening* whitening() const { return whitening_; }
  /// Channels after the cell of that index.
  std::int64_t width_after(std::int64_t cell) const { return cells_[static_cast<std::size_t>(cell)]->width(); }

 private:
  FrameSpec spec_;
  Whitening* whitening_ = nullptr;
  std::vector<Layer*> stems_;  ///< one for CIFAR, two for ImageNet
  std::vector<Cell*> cells_;
  Layer* head_norm_ = nullptr;
  Linear* classifier_ = nullptr;
};

/// Is the cell of that index a reduction cell?
bool is_reduction(std::int64_t index, std::int64_t cells);

}  // namespace ockham::nas
