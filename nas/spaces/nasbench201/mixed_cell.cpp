#include "nas/spaces/nasbench201/mixed_cell.h"

namespace ockham::nas::nasbench201 {

namespace {

std::unique_ptr<Layer> make_branch(Operation operation, const MixedCellOptions& options, Initial& initial) {
  std::unique_ptr<Layer> layer = make_operation(operation, options.channels, options.is_affine, initial);
  const bool has_norm = operation == Operation::kConv1 || operation == Operation::kConv3;
  if (has_norm || !options.normalises_all)
    return layer;
  auto normalised = std::make_unique<Sequential>();
  normalised->then(std::move(layer)).then(std::make_unique<BatchNorm>(options.channels, false, initial));
  return normalised;
}

}  // namespace

MixedCell::MixedCell(const Mixer& mixer, const MixedCellOptions& options, Initial& initial)
    : mixer_(mixer), operations_(kAlphas) {
  for (std::size_t e = 0; e < kEdges; ++e) {
    for (std::size_t o = 1; o < kOperations; ++o)
      operations_[e * kOperations + o] =
          &add(concat("edges.", e, '.', o), make_branch(static_cast<Operation>(o), options, initial));
  }
}

Variable MixedCell::forward(const Context& context, const Variable& x) {
  std::array<Variable, 4> nodes{x, {}, {}, {}};
  for (int node = 1; node < 4; ++node) {
    std::vector<Deferred> maps;
    std::vector<std::int64_t> options;
    for (std::size_t i = 0; i < operations_.size(); ++i) {
      const EdgeEnds ends = kEdgeEnds[i / kOperations];
      const Variable& from = nodes[static_cast<std::size_t>(ends.from)];
      const auto option = static_cast<std::int64_t>(i);
      if (operations_[i] == nullptr || ends.to != node || !from.value().is_defined() || !mixer_.takes(context, option))
        continue;
      maps.push_back(deferred(context, *operations_[i], {.z = from}));
      options.push_back(option);
    }
    if (!maps.empty())
      nodes[static_cast<std::size_t>(node)] = mixer_.sum(context, maps, options);
  }
  return nodes[3].value().is_defined() ? nodes[3] : Variable(Tensor::zeros(x.shape(), x.dtype(), x.device()));
}

}  // namespace ockham::nas::nasbench201
