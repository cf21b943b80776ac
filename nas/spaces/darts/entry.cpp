// The space of DARTS: its graph and operations are nas/cell/'s, its networks those of nas/spaces/cells/.
#include "nas/spaces/cells/cell_settings.h"

namespace ockham::nas {
namespace {

class DartsSpaceSettings : public CellSettings {
  SupernetSpec graph() const override { return SupernetSpec::darts_with_switches(nodes()); }
};

}  // namespace

std::vector<SpaceEntry> darts_spaces() {
  return {{.name = "darts",
           .summary = "14 edges a cell, two of which stay at a node, one of 7 operations each",
           .settings = default_settings<DartsSpaceSettings>,
           .keeps_any_number = true,
           .has_genotypes = true}};
}

}  // namespace ockham::nas
