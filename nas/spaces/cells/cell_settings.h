#pragma once
// What can be chosen about a space of cells with edges and nodes, and the space of it.
#include "nas/spaces/cells/cell_space.h"
#include "nas/spaces/space_entry.h"

namespace ockham::nas {

class CellSettings : public SpaceSettings {
 public:
  void describe(SettingVisitor& visitor) override;
  std::unique_ptr<SearchSpace> make(const SpaceSize& size) const override;

 protected:
  /// The graph and the operations.
  virtual SupernetSpec graph() const = 0;
  int nodes() const { return static_cast<int>(nodes_); }

 private:
  SupernetSpec supernet(const SpaceSize& size) const;

  std::int64_t nodes_ = 4;
  OriginPosition origin_ = OriginPosition::kInput;
};

}  // namespace ockham::nas
