// The space of BayesNAS: its graph and operations are nas/cell/'s, its networks those of nas/spaces/cells/.
#include "nas/spaces/cells/cell_settings.h"

namespace ockham::nas {
namespace {

class BayesNasSpaceSettings : public CellSettings {
 public:
  void describe(SettingVisitor& visitor) override {
    CellSettings::describe(visitor);
    visitor.choice("dilated", dilated_is_dense_, {{"dense", true}, {"depthwise", false}},
                   "dilated convolutions of the bayesnas space");
    visitor.flag("official-wiring", has_official_wiring_,
                 "search with the release's wiring of edge in1_3, which its trained networks do not have");
  }

 private:
  SupernetSpec graph() const override {
    SupernetSpec spec = SupernetSpec::bayesnas(nodes());
    if (has_official_wiring_)
      spec.normal = bayesnas_cell(CellKind::kNormal, nodes(), true);
    spec.dilated_is_dense = dilated_is_dense_;
    return spec;
  }

  bool dilated_is_dense_ = true;
  bool has_official_wiring_ = false;
};

}  // namespace

std::vector<SpaceEntry> bayesnas_spaces() {
  return {{.name = "bayesnas",
           .summary = "8 edges a cell, 7 operations, several of which may stay on an edge",
           .settings = default_settings<BayesNasSpaceSettings>,
           .keeps_any_number = true,
           .has_genotypes = true}};
}

}  // namespace ockham::nas
