#include "nas/spaces/nasbench1shot1/mixed_cell.h"

#include "ops/add/add.h"
#include "ops/concat/concat.h"
#include "ops/global_avg_pool/global_avg_pool.h"

namespace ockham::nas::nasbench1shot1 {
namespace {

std::unique_ptr<Layer> make_last(std::int64_t in, std::int64_t out, Initial& initial) {
  auto op = std::make_unique<Sequential>();
  op->then(make_relu())
      .then(std::make_unique<Conv>(in, out, 1, Conv2dAttrs{}, initial))
      .then(std::make_unique<BatchNorm>(out, false, initial));
  auto named = std::make_unique<Sequential>();
  named->then("op", std::move(op));
  return named;
}

}  // namespace

MixedCell::MixedCell(const Mixer& mixer, Space space, std::int64_t in, std::int64_t channels, Initial& initial)
    : mixer_(mixer), space_(space) {
  const std::size_t nodes = nodes_of(space);
  for (std::size_t v = 1; v <= nodes + 1; ++v) {
    const bool is_output = v == nodes + 1;
    const std::int64_t width = is_output ? channels * static_cast<std::int64_t>(nodes) : channels;
    projections_[v] = &add(ockham::concat("projections.", v), make_conv_norm_relu(in, width, 1, initial));
    for (std::size_t o = 0; o < kOperations && !is_output; ++o)
      operations_[v].push_back(
          &add(ockham::concat("operations.", v, '.', o), make_operation(static_cast<Operation>(o), channels, initial)));
  }
}

Variable MixedCell::sum(const Context& context, std::span<const Deferred> maps, std::size_t first) const {
  std::vector<Deferred> taken;
  std::vector<std::int64_t> options;
  for (std::size_t k = 0; k < maps.size(); ++k) {
    const auto option = static_cast<std::int64_t>(first + k);
    if (!mixer_.takes(context, option))
      continue;
    taken.push_back(maps[k]);
    options.push_back(option);
  }
  return taken.empty() ? Variable(Tensor::zeros(maps[0].z.shape(), maps[0].z.dtype(), maps[0].z.device()))
                       : mixer_.sum(context, taken, options);
}

Variable MixedCell::forward(const Context& context, const Variable& x) {
  const std::size_t output = nodes_of(space_) + 1;
  const std::size_t parts = *parent_numbers(space_, output);
  std::vector<Deferred> nodes{{}};  // entry 0: the input, projected for the next node
  std::vector<Variable> joined;
  for (std::size_t v = 1; v < output; ++v) {
    nodes[0] = deferred(context, *projections_[v], {.z = x});
    const std::optional<std::size_t> parents = parent_numbers(space_, v);
    const Deferred inputs{.z = parents ? sum(context, nodes, *parents) : added(context, nodes)};
    std::vector<Deferred> branches;
    for (Layer* operation : operations_[v])
      branches.push_back(deferred(context, *operation, inputs));
    nodes.push_back({.z = sum(context, branches, operation_numbers(v))});
    joined.push_back(sum(context, std::span(nodes).subspan(v, 1), parts + v));
  }
  nodes[0] = deferred(context, *projections_[output], {.z = x});
  const Variable input = sum(context, std::span(nodes).first(1), parts);
  return ockham::add(input, ockham::concat(joined));
}

Skeleton::Skeleton(Space space, const NetworkSpec& spec, Initial& initial, const Stacks::MakeCell& make_cell) {
  const auto widening = static_cast<std::int64_t>(nodes_of(space));
  stacks_ = &add("", std::make_unique<Stacks>(spec, widening, 1, initial, make_cell));
  const std::int64_t channels = stacks_->channels();
  last_ = &add("postprocess", make_last(channels * widening, channels, initial));
  classifier_ = &add("classifier", std::make_unique<Linear>(channels, spec.classes, initial));
}

Variable Skeleton::forward(const Context& context, const Variable& images) {
  const Variable map = last_->forward(context, stacks_->forward(context, images));
  return classifier_->forward(context, global_avg_pool(map));
}

}  // namespace ockham::nas::nasbench1shot1
