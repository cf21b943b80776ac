#include "nas/spaces/nasbench201/switch_supernet.h"

namespace ockham::nas::nasbench201 {

class SwitchSupernet::Switches : public Mixing {
 public:
  /// @param nodes  switches of the edges into nodes 1 to 3
  explicit Switches(const std::array<Parameter*, 3>& nodes) : nodes_(nodes) {}
  Variable node(const Context& context, std::span<const Deferred> maps,
                const std::vector<Branch>& branches) const override {
    const int node = kEdgeEnds[static_cast<std::size_t>(branches[0] / kOperations)].to;
    std::vector<std::int64_t> entries;
    for (const Branch branch : branches)
      entries.push_back(branch - first_branch(node));
    return mixed(context, context.use(*nodes_[static_cast<std::size_t>(node - 1)]), maps, std::move(entries));
  }

 private:
  /// Edges into a node follow those into the nodes before it.
  static Branch first_branch(int node) { return node * (node - 1) / 2 * kOperations; }

  std::array<Parameter*, 3> nodes_;
};

SwitchSupernet::SwitchSupernet(const NetworkSpec& spec, Initial& initial)
    : skeleton_(&add("", std::make_unique<Skeleton>(spec, initial, [&](std::int64_t channels) {
                       mixings_.push_back(std::make_unique<Switches>(add_switches(initial)));
                       return std::make_unique<MixedCell>(
                           *mixings_.back(),
                           MixedCellOptions{.channels = channels, .is_affine = spec.is_affine, .normalises_all = true},
                           initial);
                     }))) {}

std::array<Parameter*, 3> SwitchSupernet::add_switches(const Initial& initial) {
  std::array<Parameter*, 3> nodes{};
  for (int node = 1; node <= 3; ++node) {
    Parameter*& values = nodes[static_cast<std::size_t>(node - 1)];
    values = &add_parameter(concat("switches.", mixings_.size(), '.', node),
                            initial.constant({node * kOperations}, 1.0), ParameterKind::kSwitch);
    switches_.push_back(values);
  }
  return nodes;
}

SwitchSupernet::~SwitchSupernet() = default;

}  // namespace ockham::nas::nasbench201
