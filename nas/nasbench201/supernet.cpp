#include "nas/nasbench201/supernet.h"

#include "ops/softmax/softmax.h"

namespace ockham::nas::nasbench201 {
namespace {

Tensor initial_logits(Initial& initial) {
  Tensor logits({kEdges, kOperations}, initial.dtype);
  fill_normal(logits, {initial.seed, Purpose::kInit, initial.next_stream++}, 0.0, 1e-3);
  return logits;
}

}  // namespace

/// Node i is the sum over its edges e and operations o of mixture[e, o] o(node); none takes part in the softmax alone.
class Supernet::MixedCell : public Layer {
 public:
  MixedCell(const Variable& mixture, std::int64_t channels, bool is_affine, Initial& initial) : mixture_(mixture) {
    for (std::int64_t e = 0; e < kEdges; ++e) {
      for (std::int64_t o = 1; o < kOperations; ++o)
        operations_.push_back(
            &add(concat("edges.", e, '.', o), make_operation(static_cast<Operation>(o), channels, is_affine, initial)));
    }
  }

  Variable forward(const Context& context, const Variable& x) override {
    std::array<Variable, 4> nodes{x, {}, {}, {}};
    for (int node = 1; node < 4; ++node) {
      std::vector<Deferred> branches;
      std::vector<std::int64_t> index;
      for (std::size_t e = 0; e < kEdges; ++e) {
        for (std::size_t o = 1; kEdgeEnds[e].to == node && o < kOperations; ++o) {
          Layer& operation = *operations_[e * (kOperations - 1) + o - 1];
          const Variable& from = nodes[static_cast<std::size_t>(kEdgeEnds[e].from)];
          branches.push_back(deferred(context, operation, {.z = from}));
          index.push_back(static_cast<std::int64_t>(e * kOperations + o));
        }
      }
      nodes[static_cast<std::size_t>(node)] = mixed(context, mixture_, branches, index);
    }
    return nodes[3];
  }

 private:
  const Variable& mixture_;
  std::vector<Layer*> operations_;  // [edge][operation but none]
};

Supernet::Supernet(const NetworkSpec& spec, Initial& initial)
    : logits_(add_parameter("alphas", initial_logits(initial), ParameterKind::kSwitch)),
      skeleton_(&add("", std::make_unique<Skeleton>(spec, initial, [&](std::int64_t channels) {
                       return std::make_unique<MixedCell>(mixture_, channels, spec.is_affine, initial);
                     }))) {}

Supernet::~Supernet() = default;

Variable Supernet::forward(const Context& context, const Variable& images) {
  mixture_ = softmax(context.use(logits_));
  Variable logits = skeleton_->forward(context, images);
  mixture_ = {};
  return logits;
}

Cell Supernet::derive() const {
  const Tensor values = logits_.value.to(DType::kFloat64);
  return largest(values.span<double>());
}

}  // namespace ockham::nas::nasbench201
