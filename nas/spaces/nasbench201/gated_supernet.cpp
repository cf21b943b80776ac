#include "nas/spaces/nasbench201/gated_supernet.h"

namespace ockham::nas::nasbench201 {
namespace {

/// Of each branch; none has no gate.
std::vector<std::int64_t> edge_of_branches() {
  std::vector<std::int64_t> result;
  for (Branch b = 0; b < kAlphas; ++b)
    result.push_back(b % kOperations == static_cast<Branch>(Operation::kNone) ? OptionGates::kUngated
                                                                              : b / kOperations);
  return result;
}

}  // namespace

class GatedSupernet::Gates : public Mixing {
 public:
  explicit Gates(const OptionGates& gates) : gates_(gates) {}
  bool takes(const Context& context, Branch branch) const override { return gates_.takes(context, branch); }
  Variable node(const Context& context, std::span<const Deferred> maps,
                const std::vector<Branch>& branches) const override {
    return gates_.sum(context, maps, branches);
  }

 private:
  const OptionGates& gates_;
};

GatedSupernet::GatedSupernet(const GatedSupernetSpec& spec, Initial& initial)
    : gates_(&add("", std::make_unique<OptionGates>(edge_of_branches(), spec.gates, spec.averages, initial))),
      mixing_(std::make_unique<Gates>(*gates_)),
      skeleton_(&add(
          "", std::make_unique<Skeleton>(
                  spec.network, initial,
                  [&](std::int64_t channels) {
                    return std::make_unique<MixedCell>(
                        *mixing_, MixedCellOptions{.channels = channels, .is_affine = spec.network.is_affine}, initial);
                  }))),
      groups_(gates_->groups(
          [this](Branch b) { return kernels_of(*this, concat(".edges.", b / kOperations, '.', b % kOperations, '.')); },
          spec.constant_square)) {}

GatedSupernet::~GatedSupernet() = default;

Variable GatedSupernet::forward(const Context& context, const Variable& images) {
  return skeleton_->forward(context, images);
}

}  // namespace ockham::nas::nasbench201
