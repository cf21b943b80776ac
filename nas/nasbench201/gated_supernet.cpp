#include "nas/nasbench201/gated_supernet.h"

#include <limits>

#include "ops/add/add.h"
#include "ops/concrete_gate/concrete_gate.h"
#include "ops/scale/scale.h"

namespace ockham::nas::nasbench201 {
namespace {

constexpr std::int64_t kGatesPerEdge = kOperations - 1;

/// All but none.
std::vector<Branch> gated_branches() {
  std::vector<Branch> result;
  for (Branch b = 0; b < kAlphas; ++b) {
    if (b % kOperations != static_cast<Branch>(Operation::kNone))
      result.push_back(b);
  }
  return result;
}

/// Convolutions of that branch in all cells.
std::vector<Parameter*> kernels_of(Module& network, Branch branch) {
  const std::string part = concat(".edges.", branch / kOperations, '.', branch % kOperations, '.');
  std::vector<Parameter*> result;
  for (Parameter* parameter : network.parameters(ParameterKind::kWeight)) {
    if (parameter->value.rank() == 4 && parameter->name.find(part) != std::string::npos)
      result.push_back(parameter);
  }
  return result;
}

}  // namespace

class GatedSupernet::Gates : public Mixing {
 public:
  Gates(const GatedSupernetSpec& spec) : temperature_(spec.gates.temperature), averages_(spec.averages) {}

  bool takes(const Context& context, Branch branch) const override { return context.is_training || keeps(branch); }

  Variable node(const Context& context, std::span<const Deferred> maps,
                const std::vector<Branch>& branches) const override {
    return context.is_training ? relaxed(context, maps, branches) : fixed(context, maps, branches);
  }

  std::array<std::vector<double>, kAlphas> keep;
  Variable logits;  // of the pass that runs

 private:
  bool keeps(Branch branch) const { return keep[static_cast<std::size_t>(branch)][0] != 0.0; }

  Variable relaxed(const Context& context, std::span<const Deferred> maps, const std::vector<Branch>& branches) const {
    std::vector<Variable> terms;
    for (std::size_t k = 0; k < maps.size(); ++k) {
      const Variable y = applied(maps[k]);
      const ConcreteGateAttrs attrs{.temperature = temperature_,
                                    .key = gate_key(context.key, static_cast<std::uint64_t>(branches[k])),
                                    .one_per_group = true};
      const std::vector<std::int64_t> group(static_cast<std::size_t>(y.shape()[1]), branches[k]);
      terms.push_back(concrete_gate(y, logits, attrs, group));
    }
    const Variable sum = ockham::add(terms);
    return averages_ ? scale(sum, 1.0 / kGatesPerEdge) : sum;
  }

  Variable fixed(const Context& context, std::span<const Deferred> maps, const std::vector<Branch>& branches) const {
    if (!averages_)
      return added(context, maps);
    std::array<double, kEdges> kept{};
    for (const Branch b : branches)
      kept[static_cast<std::size_t>(b / kOperations)] += 1.0;
    std::vector<double> weights;
    for (const double count : kept)
      weights.push_back(count > 0.0 ? 1.0 / count : 0.0);
    std::vector<std::int64_t> edges;
    for (const Branch b : branches)
      edges.push_back(b / kOperations);
    return mixed(context, Tensor::from(weights, {kEdges}).to(maps[0].z.dtype()), maps, edges);
  }

  double temperature_;
  bool averages_;
};

GatedSupernet::GatedSupernet(const GatedSupernetSpec& spec, Initial& initial)
    : gates_(std::make_unique<Gates>(spec)),
      logits_(add_parameter("drop_logits", initial.constant({kAlphas}, drop_logit(spec.gates.drop)),
                            ParameterKind::kSwitch)),
      skeleton_(&add("", std::make_unique<Skeleton>(spec.network, initial, [&](std::int64_t channels) {
                       return std::make_unique<MixedCell>(
                           *gates_, MixedCellOptions{.channels = channels, .is_affine = spec.network.is_affine},
                           initial);
                     }))) {
  for (std::vector<double>& keep : gates_->keep)
    keep = {1.0};
  for (const Branch b : gated_branches())
    groups_.push_back({.logit = &logits_,
                       .entry = b,
                       .kernels = kernels_of(*this, b),
                       .constant_square = spec.constant_square,
                       .keep = &gates_->keep[static_cast<std::size_t>(b)]});
}

GatedSupernet::~GatedSupernet() = default;

Variable GatedSupernet::forward(const Context& context, const Variable& images) {
  gates_->logits = context.use(logits_);
  Variable result = skeleton_->forward(context, images);
  gates_->logits = {};
  return result;
}

void GatedSupernet::put(const Cell& cell) {
  for (const GatedGroup& group : groups_) {
    const auto chosen = static_cast<Branch>(cell.edges[static_cast<std::size_t>(group.entry / kOperations)]);
    *group.keep = {group.entry % kOperations == chosen ? 1.0 : 0.0};
  }
}

Cell GatedSupernet::cell(std::span<const double> order) const {
  Cell result;
  std::array<double, kEdges> lowest;
  lowest.fill(std::numeric_limits<double>::infinity());
  for (const GatedGroup& group : groups_) {
    const auto e = static_cast<std::size_t>(group.entry / kOperations);
    const double place = order[static_cast<std::size_t>(group.entry)];
    if ((*group.keep)[0] != 0.0 && place < lowest[e]) {
      lowest[e] = place;
      result.edges[e] = static_cast<Operation>(group.entry % kOperations);
    }
  }
  return result;
}

}  // namespace ockham::nas::nasbench201
