#include "nas/spaces/proxyless/search_space.h"
#include "nas/spaces/space_entry.h"

namespace ockham::nas {
namespace {

enum class WholeTree { kA, kPlain };

class ProxylessSettings : public SpaceSettings {
 public:
  void describe(SettingVisitor& visitor) override {
    using enum proxyless::Sharing;
    visitor.group("Search");
    visitor.choice("tree", tree_, {{"a", WholeTree::kA}, {"plain", WholeTree::kPlain}},
                   "tree of every block of the proxyless space: TreeCell-A, or one 3x3 convolution");
    visitor.count("groups", groups_, "groups of blocks in the proxyless space, each of --cells blocks",
                  {.min = 1, .max = 16});
    visitor.count("widening", widening_, "channels that its trees gain from the first to the last block",
                  {.max = 1'000'000});
    visitor.choice("share-across-blocks", sharing_, {{"none", kNone}, {"group", kGroup}, {"all", kAll}},
                   "blocks of the proxyless space whose trees are pruned alike");
  }

  std::unique_ptr<SearchSpace> make(const SpaceSize& size) const override {
    return std::make_unique<proxyless::Space>(
        proxyless::SpaceSpec{.tree = tree_ == WholeTree::kA ? proxyless::tree_cell_a() : proxyless::plain_tree(),
                             .groups = groups_,
                             .blocks = size.cells,
                             .sharing = sharing_,
                             .network = {.channels = size.channels,
                                         .widening = widening_,
                                         .classes = size.classes,
                                         .image_channels = size.image_channels,
                                         .image_size = size.image_size}});
  }

 private:
  WholeTree tree_ = WholeTree::kA;
  std::int64_t groups_ = 3;
  std::int64_t widening_ = 84;
  proxyless::Sharing sharing_ = proxyless::Sharing::kNone;
};

}  // namespace

std::vector<SpaceEntry> proxyless_spaces() {
  return {{.name = "proxyless",
           .summary = "PyramidNet with a tree of 15 operations in every block, any of which may stay",
           .settings = default_settings<ProxylessSettings>,
           .keeps_any_number = true,
           .is_gated_by_paths = true}};
}

}  // namespace ockham::nas
