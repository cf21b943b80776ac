#include "nas/nasbench201/mixed_cell.h"

namespace ockham::nas::nasbench201 {

MixedCell::MixedCell(const Mixing& mixing, std::int64_t channels, bool is_affine, Initial& initial)
    : mixing_(mixing), operations_(kAlphas) {
  for (std::size_t e = 0; e < kEdges; ++e) {
    for (std::size_t o = 1; o < kOperations; ++o)
      operations_[e * kOperations + o] =
          &add(concat("edges.", e, '.', o), make_operation(static_cast<Operation>(o), channels, is_affine, initial));
  }
}

Variable MixedCell::forward(const Context& context, const Variable& x) {
  std::array<Variable, 4> nodes{x, {}, {}, {}};
  for (int node = 1; node < 4; ++node) {
    std::vector<Deferred> maps;
    std::vector<Branch> branches;
    for (std::size_t b = 0; b < operations_.size(); ++b) {
      const EdgeEnds ends = kEdgeEnds[b / kOperations];
      const Variable& from = nodes[static_cast<std::size_t>(ends.from)];
      const auto branch = static_cast<Branch>(b);
      if (operations_[b] == nullptr || ends.to != node || !from.value().is_defined() || !mixing_.takes(context, branch))
        continue;
      maps.push_back(deferred(context, *operations_[b], {.z = from}));
      branches.push_back(branch);
    }
    if (!maps.empty())
      nodes[static_cast<std::size_t>(node)] = mixing_.node(context, maps, branches);
  }
  return nodes[3].value().is_defined() ? nodes[3] : Variable(Tensor::zeros(x.shape(), x.dtype()));
}

}  // namespace ockham::nas::nasbench201
