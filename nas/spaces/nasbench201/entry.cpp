#include "nas/spaces/nasbench201/search_space.h"
#include "nas/spaces/space_entry.h"

namespace ockham::nas {
namespace {

struct NasBench201Settings : SpaceSettings {
  void describe(SettingVisitor& visitor) override {
    visitor.group("Search");
    visitor.flag("bare-skips", bare_skips_,
                 "in nasbench201 no batch norm behind skip connections and pools of a network of switches");
  }
  std::unique_ptr<SearchSpace> make(const SpaceSize& size) const override {
    nasbench201::require_image_size(size.image_size, size.image_size);
    return std::make_unique<nasbench201::Space>(nasbench201::NetworkSpec{.channels = size.channels,
                                                                         .cells_per_stage = size.cells,
                                                                         .classes = size.classes,
                                                                         .image_channels = size.image_channels},
                                                !bare_skips_);
  }

 private:
  bool bare_skips_ = false;
};

}  // namespace

std::vector<SpaceEntry> nasbench201_spaces() {
  return {{.name = "nasbench201",
           .summary = "6 edges, 5 operations, 15,625 cells whose accuracies a table knows",
           .settings = default_settings<NasBench201Settings>,
           .training = {.weight_decay = 5e-4}}};
}

}  // namespace ockham::nas
