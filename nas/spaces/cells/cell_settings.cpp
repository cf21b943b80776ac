#include "nas/spaces/cells/cell_settings.h"

namespace ockham::nas {

void CellSettings::describe(SettingVisitor& visitor) {
  visitor.group("Search");
  visitor.count("nodes", nodes_, "nodes in a cell", {.min = 1, .max = 16});
  visitor.choice("origin-position", origin_, {{"input", OriginPosition::kInput}, {"output", OriginPosition::kOutput}},
                 "where an edge's own switch multiplies");
}

SupernetSpec CellSettings::supernet(const SpaceSize& size) const {
  SupernetSpec spec = graph();
  spec.frame.channels = size.channels;
  spec.frame.cells = size.cells;
  spec.frame.classes = size.classes;
  spec.frame.image_channels = size.image_channels;
  spec.frame.image_size = size.image_size;
  spec.origin = origin_;
  return spec;
}

std::unique_ptr<SearchSpace> CellSettings::make(const SpaceSize& size) const {
  EvaluationSpec trained;
  trained.frame.channels = size.trained_channels;
  trained.frame.cells = size.trained_cells;
  trained.frame.classes = size.classes;
  trained.frame.image_channels = size.image_channels;
  trained.frame.image_size = size.image_size;
  return std::make_unique<SoftmaxSpace>(supernet(size), trained);
}

}  // namespace ockham::nas
