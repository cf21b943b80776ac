#include "nas/layers/option_gates.h"

#include <algorithm>

#include "ops/add/add.h"
#include "ops/concrete_gate/concrete_gate.h"
#include "ops/scale/scale.h"

namespace ockham::nas {

OptionGates::OptionGates(std::vector<std::int64_t> choice_of, const GateOptions& options, bool averages,
                         const Initial& initial)
    : choice_of_(std::move(choice_of)),
      gates_(static_cast<std::size_t>(std::ranges::max(choice_of_) + 1)),
      keep_(choice_of_.size(), {1.0}),
      temperature_(options.temperature),
      averages_(averages),
      logits_(add_parameter("drop_logits", initial.constant({std::ssize(choice_of_)}, drop_logit(options.drop)),
                            ParameterKind::kSwitch)) {
  for (const std::int64_t choice : choice_of_) {
    if (choice != kUngated)
      gates_[static_cast<std::size_t>(choice)] += 1.0;
  }
}

bool OptionGates::takes(const Context& context, std::int64_t option) const {
  return context.is_training || keep_[static_cast<std::size_t>(option)][0] != 0.0;
}

Variable OptionGates::sum(const Context& context, std::span<const Deferred> maps,
                          const std::vector<std::int64_t>& options) const {
  return context.is_training ? relaxed(context, maps, options) : fixed(context, maps, options);
}

Variable OptionGates::relaxed(const Context& context, std::span<const Deferred> maps,
                              const std::vector<std::int64_t>& options) const {
  const Variable logits = context.use(logits_);
  std::vector<Variable> terms;
  for (std::size_t k = 0; k < maps.size(); ++k) {
    const Variable y = applied(maps[k]);
    const ConcreteGateAttrs attrs{.temperature = temperature_,
                                  .key = gate_key(context.key, static_cast<std::uint64_t>(options[k])),
                                  .one_per_group = true};
    const std::vector<std::int64_t> group(static_cast<std::size_t>(y.shape()[1]), options[k]);
    terms.push_back(concrete_gate(y, logits, attrs, group));
  }
  const Variable total = terms.size() == 1 ? terms[0] : ockham::add(terms);
  return averages_ ? scale(total, 1.0 / gates_[static_cast<std::size_t>(choice_of(options[0]))]) : total;
}

Variable OptionGates::fixed(const Context& context, std::span<const Deferred> maps,
                            const std::vector<std::int64_t>& options) const {
  if (!averages_)
    return added(context, maps);
  std::vector<double> kept(gates_.size());
  std::vector<std::int64_t> choices;
  for (const std::int64_t option : options) {
    choices.push_back(choice_of(option));
    kept[static_cast<std::size_t>(choices.back())] += 1.0;
  }
  std::vector<double> weights;
  for (const double count : kept)
    weights.push_back(count > 0.0 ? 1.0 / count : 0.0);
  return mixed(context, Tensor::from(weights, {std::ssize(weights)}).to(maps[0].z.dtype()), maps, choices);
}

std::vector<GatedGroup> OptionGates::groups(
    const std::function<std::vector<Parameter*>(std::int64_t option)>& kernels_of, double constant_square) {
  std::vector<GatedGroup> result;
  for (std::int64_t option = 0; option < std::ssize(choice_of_); ++option) {
    if (choice_of(option) != kUngated)
      result.push_back({.logit = &logits_,
                        .entry = option,
                        .kernels = kernels_of(option),
                        .constant_square = constant_square,
                        .keep = &keep_[static_cast<std::size_t>(option)]});
  }
  return result;
}

}  // namespace ockham::nas
