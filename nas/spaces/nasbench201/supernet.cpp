#include "nas/spaces/nasbench201/supernet.h"

#include "ops/softmax/softmax.h"

namespace ockham::nas::nasbench201 {
namespace {

Tensor initial_logits(Initial& initial) {
  Tensor logits({kEdges, kOperations}, initial.dtype);
  fill_normal(logits, {initial.seed, Purpose::kInit, initial.next_stream++}, 0.0, 1e-3);
  return logits;
}

}  // namespace

/// Node i is the sum over its edges e and operations o of weights[e, o] o(node); none takes part in the softmax alone.
class Supernet::Softmax : public Mixing {
 public:
  Variable node(const Context& context, std::span<const Deferred> maps,
                const std::vector<Branch>& branches) const override {
    return mixed(context, weights, maps, branches);
  }
  Variable weights;  // of the pass that runs
};

Supernet::Supernet(const NetworkSpec& spec, Initial& initial)
    : softmax_(std::make_unique<Softmax>()),
      logits_(add_parameter("alphas", initial_logits(initial), ParameterKind::kSwitch)),
      skeleton_(&add("", std::make_unique<Skeleton>(spec, initial, [&](std::int64_t channels) {
                       return std::make_unique<MixedCell>(
                           *softmax_, MixedCellOptions{.channels = channels, .is_affine = spec.is_affine}, initial);
                     }))) {}

Supernet::~Supernet() = default;

Variable Supernet::forward(const Context& context, const Variable& images) {
  softmax_->weights = softmax(context.use(logits_));
  Variable logits = skeleton_->forward(context, images);
  softmax_->weights = {};
  return logits;
}

Cell Supernet::derive() const {
  const Tensor values = logits_.value.to(DType::kFloat64);
  return largest(values.span<double>());
}

}  // namespace ockham::nas::nasbench201
