#include "nas/nasbench1shot1/supernet.h"

#include "nas/search/parameter_vectors.h"
#include "ops/add/add.h"
#include "ops/concat/concat.h"
#include "ops/global_avg_pool/global_avg_pool.h"
#include "ops/softmax/softmax.h"

namespace ockham::nas::nasbench1shot1 {
namespace {

Tensor initial_logits(std::size_t rows, std::size_t columns, Initial& initial) {
  Tensor logits({static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)}, initial.dtype);
  fill_normal(logits, {initial.seed, Purpose::kInit, initial.next_stream++}, 0.0, 1e-3);
  return logits;
}

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

/// Node i: sum_o operation mixture[i, o] o(sum_j input mixture_i[j] candidate j), candidates the projected input and
/// the nodes before; the output: mixture[0] projected input + join over i of mixture[i] node i.
class Supernet::MixedCell : public Layer {
 public:
  MixedCell(const Supernet& net, std::int64_t in, std::int64_t channels, Initial& initial)
      : mixtures_(net.mixtures_), nodes_(nodes_of(net.space_)) {
    for (std::size_t v = 1; v <= nodes_ + 1; ++v) {
      const bool is_output = v == nodes_ + 1;
      const std::int64_t width = is_output ? channels * static_cast<std::int64_t>(nodes_) : channels;
      projections_[v] = &add(ockham::concat("projections.", v), make_conv_norm_relu(in, width, 1, initial));
      for (std::size_t o = 0; o < kOperations && !is_output; ++o)
        operations_[v].push_back(&add(ockham::concat("operations.", v, '.', o),
                                      make_operation(static_cast<Operation>(o), channels, initial)));
    }
  }

  Variable forward(const Context& context, const Variable& x) override {
    std::vector<Deferred> nodes{{}};  // entry 0: the input, projected for the next node
    std::vector<Variable> joined;
    for (std::size_t v = 1; v <= nodes_; ++v) {
      nodes[0] = deferred(context, *projections_[v], {.z = x});
      const Variable& mixture = mixtures_.inputs[v];
      const Deferred sum{.z = mixture.value() ? mixed(context, mixture, nodes) : added(context, nodes)};
      std::vector<Deferred> branches;
      std::vector<std::int64_t> index;
      for (std::size_t o = 0; o < kOperations; ++o) {
        branches.push_back(deferred(context, *operations_[v][o], sum));
        index.push_back(static_cast<std::int64_t>((v - 1) * kOperations + o));
      }
      nodes.push_back({.z = mixed(context, mixtures_.operations, branches, index)});
      joined.push_back(weighted(context, v, nodes[v]));
    }
    nodes[0] = deferred(context, *projections_[nodes_ + 1], {.z = x});
    const Variable input = weighted(context, 0, nodes[0]);
    return ockham::add(input, ockham::concat(joined));
  }

 private:
  /// For the output.
  Variable weighted(const Context& context, std::size_t vertex, const Deferred& map) const {
    return mixed(context, mixtures_.output, std::span(&map, 1), {static_cast<std::int64_t>(vertex)});
  }

  const Mixtures& mixtures_;
  std::size_t nodes_;
  std::array<Layer*, kMostVertices> projections_{};
  std::array<std::vector<Layer*>, kMostVertices> operations_;
};

Supernet::Supernet(Space space, const NetworkSpec& spec, Initial& initial)
    : space_(space),
      operation_logits_(add_parameter("alphas_mixed_op", initial_logits(nodes_of(space), kOperations, initial),
                                      ParameterKind::kSwitch)),
      output_logits_(
          add_parameter("alphas_output", initial_logits(1, nodes_of(space) + 1, initial), ParameterKind::kSwitch)) {
  for (std::size_t v = 1; v <= nodes_of(space); ++v) {
    if (parent_counts(space)[v - 1] < v)
      input_logits_[v] =
          &add_parameter(ockham::concat("alphas_inputs.", v), initial_logits(1, v, initial), ParameterKind::kSwitch);
  }
  architecture_ = parameters(ParameterKind::kSwitch);
  const auto widening = static_cast<std::int64_t>(nodes_of(space));
  stacks_ = &add("", std::make_unique<Stacks>(spec, widening, 1, initial, [&](std::int64_t in, std::int64_t channels) {
                   return std::make_unique<MixedCell>(*this, in, channels, initial);
                 }));
  const std::int64_t channels = stacks_->channels();
  last_ = &add("postprocess", make_last(channels * widening, channels, initial));
  classifier_ = &add("classifier", std::make_unique<Linear>(channels, spec.classes, initial));
}

Supernet::~Supernet() = default;

Variable Supernet::forward(const Context& context, const Variable& images) {
  mixtures_.operations = softmax(context.use(operation_logits_));
  mixtures_.output = softmax(context.use(output_logits_));
  for (std::size_t v = 1; v < kMostVertices; ++v) {
    if (input_logits_[v] != nullptr)
      mixtures_.inputs[v] = softmax(context.use(*input_logits_[v]));
  }
  const Variable map = last_->forward(context, stacks_->forward(context, images));
  mixtures_ = {};
  return classifier_->forward(context, global_avg_pool(map));
}

SearchNetwork Supernet::search_network() {
  return {this, [this](const Context& context, const Variable& images) { return forward(context, images); },
          architecture_};
}

Cell Supernet::derive() const {
  return largest(space_, numbers_of(architecture_));
}

}  // namespace ockham::nas::nasbench1shot1
