#include "nas/spaces/mixing.h"

#include <algorithm>

#include "ops/add/add.h"
#include "ops/concrete_gate/concrete_gate.h"
#include "ops/scale/scale.h"
#include "ops/softmax/softmax.h"

namespace ockham::nas {
namespace {

/// The block of those sorted by their first option that holds this one.
template <class Block>
const Block& block_with(const std::vector<Block>& blocks, std::int64_t option) {
  return *std::prev(std::ranges::upper_bound(blocks, option, {}, &Block::first));
}

/// As places in a block.
std::vector<std::int64_t> places_of(std::vector<std::int64_t> options, std::int64_t first) {
  for (std::int64_t& option : options)
    option -= first;
  return options;
}

}  // namespace

Parameter& SoftmaxMixer::add_logits(const OptionBlock& block, Initial& initial) {
  Parameter& parameter =
      add_parameter(block.name, initial.normal({block.rows, block.columns}, 1e-3), ParameterKind::kSwitch);
  blocks_.push_back({.first = options_, .logits = &parameter, .weights = {}});
  options_ += block.rows * block.columns;
  return parameter;
}

void SoftmaxMixer::begin(const Context& context) {
  for (Block& block : blocks_)
    block.weights = softmax(context.use(*block.logits));
}

void SoftmaxMixer::end() {
  for (Block& block : blocks_)
    block.weights = {};
}

Variable SoftmaxMixer::sum(const Context& context, std::span<const Deferred> maps,
                           const std::vector<std::int64_t>& options) const {
  const Block& block = block_with(blocks_, options.front());
  return mixed(context, block.weights, maps, places_of(options, block.first));
}

SwitchMixer::SwitchMixer(std::span<const OptionBlock> blocks, const Initial& initial) {
  std::int64_t first = 0;
  for (const OptionBlock& block : blocks) {
    const std::int64_t options = block.rows * block.columns;
    blocks_.push_back({.first = first,
                       .values = &add_parameter(block.name, initial.constant({options}, 1.0), ParameterKind::kSwitch)});
    first += options;
  }
}

const SwitchMixer::Block& SwitchMixer::block_of(std::int64_t option) const {
  return block_with(blocks_, option);
}

Variable SwitchMixer::sum(const Context& context, std::span<const Deferred> maps,
                          const std::vector<std::int64_t>& options) const {
  const Block& block = block_of(options.front());
  return mixed(context, context.use(*block.values), maps, places_of(options, block.first));
}

GateMixer::GateMixer(std::span<const OptionBlock> blocks, bool has_none, const GateOptions& options,
                     const Initial& initial)
    : temperature_(options.temperature) {
  for (const OptionBlock& block : blocks) {
    for (std::int64_t row = 0; row < block.rows; ++row) {
      const std::int64_t choice = std::ssize(gates_);
      for (std::int64_t column = 0; column < block.columns; ++column)
        choice_of_.push_back(has_none && column == 0 ? -1 : choice);
      gates_.push_back(static_cast<double>(block.columns - (has_none ? 1 : 0)));
    }
  }
  keep_.assign(choice_of_.size(), {1.0});
  logits_ = &add_parameter("drop_logits", initial.constant({std::ssize(choice_of_)}, drop_logit(options.drop)),
                           ParameterKind::kSwitch);
}

bool GateMixer::takes(const Context& context, std::int64_t option) const {
  return context.is_training || keep_[static_cast<std::size_t>(option)][0] != 0.0;
}

Variable GateMixer::sum(const Context& context, std::span<const Deferred> maps,
                        const std::vector<std::int64_t>& options) const {
  return context.is_training ? relaxed(context, maps, options) : fixed(context, maps, options);
}

Variable GateMixer::relaxed(const Context& context, std::span<const Deferred> maps,
                            const std::vector<std::int64_t>& options) const {
  const Variable logits = context.use(*logits_);
  std::vector<Variable> terms;
  for (std::size_t k = 0; k < maps.size(); ++k) {
    const Variable y = applied(maps[k]);
    ConcreteGateAttrs attrs = drawn_gate(context, temperature_, static_cast<std::uint64_t>(options[k]));
    attrs.one_per_group = true;
    const std::vector<std::int64_t> group(static_cast<std::size_t>(y.shape()[1]), options[k]);
    terms.push_back(concrete_gate(y, logits, attrs, group));
  }
  return scale(terms.size() == 1 ? terms[0] : ockham::add(terms),
               1.0 / gates_[static_cast<std::size_t>(choice_of(options[0]))]);
}

Variable GateMixer::fixed(const Context& context, std::span<const Deferred> maps,
                          const std::vector<std::int64_t>& options) const {
  std::vector<double> kept(gates_.size());
  std::vector<std::int64_t> choices;
  for (const std::int64_t option : options) {
    choices.push_back(choice_of(option));
    kept[static_cast<std::size_t>(choices.back())] += 1.0;
  }
  std::vector<double> weights;
  for (const double count : kept)
    weights.push_back(count > 0.0 ? 1.0 / count : 0.0);
  const Tensor alpha = Tensor::from(weights, {std::ssize(weights)}).to(maps[0].z.dtype()).to(maps[0].z.device());
  return mixed(context, alpha, maps, choices);
}

std::vector<GatedGroup> GateMixer::groups(
    const std::function<std::vector<Parameter*>(std::int64_t option)>& kernels_of) {
  std::vector<GatedGroup> result;
  for (std::int64_t option = 0; option < std::ssize(choice_of_); ++option) {
    if (choice_of(option) >= 0)
      result.push_back({.logit = logits_,
                        .entry = option,
                        .kernels = kernels_of(option),
                        .keep = &keep_[static_cast<std::size_t>(option)]});
  }
  return result;
}

std::unique_ptr<Mixer> make_shared_mixer(Mixing mixing, std::span<const OptionBlock> blocks, bool has_none,
                                         const GateOptions& gates, Initial& initial) {
  if (mixing == Mixing::kGates)
    return std::make_unique<GateMixer>(blocks, has_none, gates, initial);
  OCKHAM_ASSERT(mixing == Mixing::kSoftmax);
  auto mixer = std::make_unique<SoftmaxMixer>();
  for (const OptionBlock& block : blocks)
    mixer->add_logits(block, initial);
  return mixer;
}

}  // namespace ockham::nas
