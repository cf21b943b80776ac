#include "nas/compression/prior/masks.h"

#include <algorithm>
#include <utility>

#include "engine/math.h"
#include "ops/mul/mul.h"

namespace ockham::nas {
namespace {

constexpr std::string_view kMaskPrefix = "mask.";

std::size_t numel_of(const Parameter& parameter) {
  return static_cast<std::size_t>(parameter.value.numel());
}

}  // namespace

Masks::Masks(std::vector<Parameter*> parameters)
    : parameters_(std::move(parameters)), kept_(parameters_.size()), factors_(parameters_.size()) {}

Tensor Masks::masked(const Tensor& values, std::size_t parameter) const {
  Tensor& factor = factors_[parameter];
  if (!factor)
    factor = Tensor::from<std::uint8_t>(kept_[parameter], values.shape()).to(values.dtype()).to(values.device());
  return mul(Variable(values), Variable(factor)).value();
}

void Masks::clear(std::size_t parameter, std::int64_t entry) {
  std::vector<unsigned char>& kept = kept_[parameter];
  kept.resize(numel_of(*parameters_[parameter]), 1);
  kept[static_cast<std::size_t>(entry)] = 0;
}

void Masks::prune(const WeightGroup& group) {
  prune(GroupFamily("pruned", {&group, 1}), {true});
}

void Masks::prune(const GroupFamily& family, const std::vector<bool>& marked) {
  family.require_inside(sizes_of(parameters_));
  for (std::size_t s = 0; s < family.series().size(); ++s) {
    const auto is_marked = [&](std::int64_t group) {
      return marked[static_cast<std::size_t>(family.first_group(s) + group)];
    };
    const auto same = [&](std::size_t p, std::int64_t begin, std::int64_t count, std::int64_t group) {
      for (std::int64_t i = 0; i < count && is_marked(group); ++i)
        clear(p, begin + i);
    };
    const auto each = [&](std::size_t p, std::int64_t begin, std::int64_t count, std::int64_t group) {
      for (std::int64_t i = 0; i < count; ++i) {
        if (is_marked(group + i))
          clear(p, begin + i);
      }
    };
    for_each_stretch(family.series()[s], same, each);
  }
  std::ranges::fill(factors_, Tensor{});
}

Tensor Masks::value_of(std::size_t parameter) const {
  const Tensor& value = parameters_[parameter]->value;
  return kept_[parameter].empty() ? value : masked(value, parameter);
}

void Masks::apply() {
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    if (!kept_[p].empty())
      copy(value_of(p), parameters_[p]->value);
  }
}

void Masks::apply(Optimizer& optimizer) {
  apply();
  std::map<std::string, Tensor> state = optimizer.state();
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    if (kept_[p].empty())
      continue;
    for (auto& [name, tensor] : state) {
      // "momentum.", "exp_avg." and the parameter's own name
      if (name.substr(name.find('.') + 1) == parameters_[p]->name)
        tensor = masked(tensor, p);
    }
  }
  optimizer.load(state);
}

void Masks::mask_gradients() {
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    if (Tensor& grad = parameters_[p]->grad; grad && !kept_[p].empty())
      grad = masked(grad, p);
  }
}

std::int64_t Masks::kept_entries(std::size_t parameter) const {
  const std::vector<unsigned char>& kept = kept_[parameter];
  return kept.empty() ? parameters_[parameter]->value.numel() : std::ranges::count(kept, 1);
}

std::int64_t Masks::kept_entries() const {
  std::int64_t count = 0;
  for (std::size_t p = 0; p < parameters_.size(); ++p)
    count += kept_entries(p);
  return count;
}

std::map<std::string, Tensor> Masks::state() const {
  std::map<std::string, Tensor> result;
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    if (!kept_[p].empty())
      result.emplace(std::string(kMaskPrefix) + parameters_[p]->name,
                     Tensor::from<std::uint8_t>(kept_[p], parameters_[p]->value.shape()));
  }
  return result;
}

void Masks::load(const std::map<std::string, Tensor>& state) {
  std::vector<std::vector<unsigned char>> loaded(parameters_.size());
  for (const auto& [name, tensor] : state) {
    if (!name.starts_with(kMaskPrefix))
      continue;
    const auto it = std::ranges::find(parameters_, std::string_view(name).substr(kMaskPrefix.size()), &Parameter::name);
    if (it == parameters_.end() || tensor.spec() != Spec{(*it)->value.shape(), DType::kUInt8})
      throw CheckpointError(concat("masks: the checkpoint has ", name, " of ", tensor.spec(),
                                   ", for which there is no parameter here; it belongs to another network."));
    const Tensor here = tensor.to(Device{}).contiguous();
    const auto kept = here.span<std::uint8_t>();
    if (std::ranges::any_of(kept, [](std::uint8_t k) { return k > 1; }))
      throw CheckpointError(concat("masks: ", name, " has other numbers than 0 and 1; the checkpoint is damaged."));
    loaded[static_cast<std::size_t>(it - parameters_.begin())].assign(kept.begin(), kept.end());
  }
  kept_ = std::move(loaded);
  std::ranges::fill(factors_, Tensor{});
}

}  // namespace ockham::nas
