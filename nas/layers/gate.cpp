#include "nas/layers/gate.h"

#include <algorithm>
#include <cmath>

#include "nas/element.h"
#include "ops/mul/mul.h"

namespace ockham::nas {

double drop_probability(double logit) {
  return 1.0 / (1.0 + std::exp(-logit));
}

double drop_logit(double probability) {
  if (!(probability > 0.0 && probability < 1.0))
    throw UsageError(concat("gate: a drop probability of ", probability, " has no logit; use one between 0 and 1."));
  return std::log(probability) - std::log1p(-probability);
}

std::vector<Parameter*> kernels_of(Module& module, std::string_view part) {
  std::vector<Parameter*> kernels = module.parameters(ParameterKind::kWeight);
  std::erase_if(kernels, [&](const Parameter* parameter) {
    return parameter->value.rank() != 4 || parameter->name.find(part) == std::string::npos;
  });
  return kernels;
}

double GatedGroup::drop_probability() const {
  return nas::drop_probability(element(logit->value, static_cast<std::size_t>(entry)));
}

ConcreteGateAttrs drawn_gate(const Context& context, double temperature, std::uint64_t stream) {
  constexpr std::uint64_t kStreams = 1 << 16;
  const RandomKey& pass = context.key;
  return {.temperature = temperature,
          .key = {pass.seed, pass.purpose, pass.step * kStreams + stream},
          .moving = context.moving,
          .stride = kStreams};
}

ChannelGate::ChannelGate(std::int64_t channels, const GateOptions& options, std::uint64_t stream,
                         const Initial& initial)
    : logit_(add_parameter("logit", initial.constant({1}, drop_logit(options.drop)), ParameterKind::kSwitch)),
      keep_(static_cast<std::size_t>(channels), 1.0),
      temperature_(options.temperature),
      stream_(stream) {}

Variable ChannelGate::forward(const Context& context, const Variable& x) {
  if (!context.is_training)
    return applied(run(context, {.z = x}));
  return concrete_gate(x, context.use(logit_), drawn_gate(context, temperature_, stream_));
}

// keep >= 0, so that keep relu(s z + b) = relu(keep s z + keep b).
Deferred ChannelGate::run(const Context& context, const Deferred& x) {
  if (context.is_training)
    return {.z = forward(context, applied(x))};
  if (std::ranges::find(keep_, 0.0) == keep_.end())
    return x;
  if (x.factor.value())
    return run(context, {.z = applied(x)});
  const std::size_t C = keep_.size();
  Tensor rows = Tensor::zeros({2, static_cast<std::int64_t>(C)}, x.z.dtype());
  for (std::size_t c = 0; c < C; ++c) {
    set_element(rows, c, keep_[c]);
    set_element(rows, C + c, x.affine.value() ? keep_[c] : 0.0);
  }
  const Variable keep = rows.to(x.z.device());
  return {.z = x.z, .affine = x.affine.value() ? mul(x.affine, keep) : keep, .rectifies = x.rectifies};
}

}  // namespace ockham::nas
