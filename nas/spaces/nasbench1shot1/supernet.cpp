#include "nas/spaces/nasbench1shot1/supernet.h"

#include <map>

#include "nas/train/parameter_vectors.h"
#include "ops/softmax/softmax.h"

namespace ockham::nas::nasbench1shot1 {
namespace {

Tensor initial_logits(std::size_t rows, std::size_t columns, Initial& initial) {
  Tensor logits({static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)}, initial.dtype);
  fill_normal(logits, {initial.seed, Purpose::kInit, initial.next_stream++}, 0.0, 1e-3);
  return logits;
}

}  // namespace

class Supernet::Softmax : public Mixing {
 public:
  Variable sum(const Context& context, std::span<const Deferred> maps, std::size_t first) const override {
    const auto& [begin, weights] = *std::prev(mixtures.upper_bound(first));
    return mixed_from(context, weights, maps, first - begin);
  }
  std::map<std::size_t, Variable> mixtures;  // of the pass that runs, by the first number of each parameter
};

Supernet::Supernet(Space space, const NetworkSpec& spec, Initial& initial)
    : space_(space),
      softmax_(std::make_unique<Softmax>()),
      operation_logits_(add_parameter("alphas_mixed_op", initial_logits(nodes_of(space), kOperations, initial),
                                      ParameterKind::kSwitch)),
      output_logits_(
          add_parameter("alphas_output", initial_logits(1, nodes_of(space) + 1, initial), ParameterKind::kSwitch)) {
  for (std::size_t v = 1; v <= nodes_of(space); ++v) {
    if (parent_numbers(space, v))
      input_logits_[v] =
          &add_parameter(concat("alphas_inputs.", v), initial_logits(1, v, initial), ParameterKind::kSwitch);
  }
  architecture_ = parameters(ParameterKind::kSwitch);
  skeleton_ = &add("", std::make_unique<Skeleton>(space, spec, initial, [&](std::int64_t in, std::int64_t channels) {
                     return std::make_unique<MixedCell>(*softmax_, space, in, channels, initial);
                   }));
}

Supernet::~Supernet() = default;

Variable Supernet::forward(const Context& context, const Variable& images) {
  std::size_t begin = 0;
  for (Parameter* logits : architecture_) {
    softmax_->mixtures[begin] = softmax(context.use(*logits));
    begin += static_cast<std::size_t>(logits->value.numel());
  }
  Variable result = skeleton_->forward(context, images);
  softmax_->mixtures.clear();
  return result;
}

SearchNetwork Supernet::search_network() {
  return {this, [this](const Context& context, const Variable& images) { return forward(context, images); },
          architecture_};
}

Cell Supernet::derive() const {
  return largest(space_, numbers_of(architecture_));
}

}  // namespace ockham::nas::nasbench1shot1
