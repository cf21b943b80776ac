#include "nas/spaces/nasbench1shot1/search_space.h"
#include "nas/spaces/space_entry.h"

namespace ockham::nas {
namespace {

template <nasbench1shot1::Space space>
struct NasBench1Shot1Settings : SpaceSettings {
  std::unique_ptr<SearchSpace> make(const SpaceSize& size) const override {
    return std::make_unique<nasbench1shot1::SearchableSpace>(
        space, nasbench1shot1::NetworkSpec{.channels = size.channels,
                                           .cells_per_stack = size.cells,
                                           .classes = size.classes,
                                           .image_channels = size.image_channels});
  }
};

}  // namespace

std::vector<SpaceEntry> nasbench1shot1_spaces() {
  using enum nasbench1shot1::Space;
  return {{.name = "1shot1-1",
           .summary = "NAS-Bench-1Shot1's first space: 4 nodes, 3 operations, 14,580 cells",
           .settings = default_settings<NasBench1Shot1Settings<k1>>},
          {.name = "1shot1-2",
           .summary = "its second: 4 nodes with more parents, 29,160 cells",
           .settings = default_settings<NasBench1Shot1Settings<k2>>},
          {.name = "1shot1-3",
           .summary = "its third: 5 nodes, 1,312,200 cells",
           .settings = default_settings<NasBench1Shot1Settings<k3>>}};
}

}  // namespace ockham::nas
