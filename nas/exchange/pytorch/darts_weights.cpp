#include "nas/exchange/pytorch/darts_weights.h"

#include <algorithm>
#include <set>

namespace ockham::nas {
namespace {

using WeightMap = std::map<std::string, Tensor>;

template <class... Pieces>
[[noreturn]] void refuse_weights(const Pieces&... pieces) {
  throw CheckpointError(concat("weights: ", pieces...));
}

/// What torch.nn.DataParallel puts before every name.
void take_prefix_off(WeightMap& tensors) {
  constexpr std::string_view kPrefix = "module.";
  if (!std::ranges::all_of(tensors, [&](const auto& entry) { return entry.first.starts_with(kPrefix); }))
    return;
  WeightMap shorter;
  for (auto& [name, tensor] : tensors)
    shorter.emplace(name.substr(kPrefix.size()), std::move(tensor));
  tensors = std::move(shorter);
}

/// PyTorch before 0.4.1 had no such counters.
void add_counters(WeightMap& tensors) {
  constexpr std::string_view kMean = "running_mean";
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) {
    if (name.ends_with(kMean))
      names.push_back(name.substr(0, name.size() - kMean.size()) + "num_batches_tracked");
  }
  for (const std::string& name : names)
    tensors.try_emplace(name, Tensor::zeros({}, DType::kInt64));
}

const Tensor& tensor_at(const WeightMap& tensors, const std::string& name, int rank) {
  const auto found = tensors.find(name);
  if (found == tensors.end())
    refuse_weights("there is no ", name, ", which every DARTS network has.");
  if (found->second.rank() != rank)
    refuse_weights(name, " has shape ", found->second.shape(), "; it must have ", rank, " dimensions.");
  return found->second;
}

/// How many different numbers follow `prefix` in the names: they must be 0, 1, ...
std::int64_t count_below(const WeightMap& tensors, const std::string& prefix) {
  constexpr std::size_t kMostDigits = 4;
  std::set<std::int64_t> numbers;
  for (auto it = tensors.lower_bound(prefix); it != tensors.end() && it->first.starts_with(prefix); ++it) {
    const std::string digits = it->first.substr(prefix.size(), it->first.find('.', prefix.size()) - prefix.size());
    if (digits.empty() || digits.size() > kMostDigits || digits.find_first_not_of("0123456789") != std::string::npos)
      refuse_weights(it->first, " has no number after ", prefix);
    numbers.insert(std::stoll(digits));
  }
  if (!numbers.empty() && *numbers.rbegin() + 1 != std::ssize(numbers))
    refuse_weights(prefix, "* has the number ", *numbers.rbegin(), " but only ", numbers.size(), " different ones.");
  return std::ssize(numbers);
}

FrameSpec frame_of(const WeightMap& tensors, FrameSpec frame, std::int64_t image_size) {
  const bool is_imagenet = tensors.contains("stem0.0.weight");
  const Tensor& stem = tensor_at(tensors, is_imagenet ? "stem0.0.weight" : "stem.0.weight", 4);
  if (!is_imagenet && stem.size(0) % 3 != 0)
    refuse_weights("stem.0.weight has ", stem.size(0), " filters; they must be three times the channels.");
  frame.style = Style::kDarts;
  frame.stem = is_imagenet ? Stem::kImageNet : Stem::kCifar;
  frame.channels = is_imagenet ? 2 * stem.size(0) : stem.size(0) / 3;
  frame.cells = count_below(tensors, "cells.");
  frame.classes = tensor_at(tensors, "classifier.weight", 2).size(0);
  frame.image_channels = stem.size(1);
  frame.image_size = image_size > 0 ? image_size : is_imagenet ? 224 : 32;
  return frame;
}

/// Edges of the complete graph of n nodes: 2 + 3 + ... + (n + 1).
int nodes_of(std::int64_t edges) {
  for (int nodes = 1; nodes <= kMaxNodes; ++nodes) {
    if (edges == nodes * (nodes + 3) / 2)
      return nodes;
  }
  refuse_weights("cells.0 has ", edges, " edges; the DARTS graph has 2, 5, 9, 14, ... (14 with 4 nodes).");
}

nlohmann::ordered_json search_description(const WeightMap& tensors, std::int64_t image_size) {
  SupernetSpec spec = SupernetSpec::darts(nodes_of(count_below(tensors, "cells.0._ops.")));
  spec.frame = frame_of(tensors, spec.frame, image_size);
  for (const char* name : {"alphas_normal", "alphas_reduce"}) {
    if (!tensors.contains(name))
      refuse_weights(
          "it is of a search network but lacks ", name,
          ", which the original's state_dict leaves out; add the tensors of arch_parameters() under the names ",
          "alphas_normal and alphas_reduce.");
  }
  return to_json(spec);
}

nlohmann::ordered_json evaluation_description(const WeightMap& tensors, const Genotype& genotype,
                                              std::int64_t image_size) {
  if (genotype.space != "darts")
    throw UsageError(concat("weights: these are of a DARTS network, but the genotype is of the space '", genotype.space,
                            "'; name the cell that it was trained with."));
  EvaluationSpec spec;
  spec.frame = frame_of(tensors, spec.frame, image_size);
  spec.has_auxiliary_head = tensors.contains("auxiliary_head.classifier.weight");
  return to_json(spec, genotype);
}

}  // namespace

DartsWeights read_darts_weights(WeightMap tensors, const std::optional<Genotype>& genotype, std::int64_t image_size) {
  take_prefix_off(tensors);
  add_counters(tensors);
  const bool is_search =
      std::ranges::any_of(tensors, [](const auto& entry) { return entry.first.starts_with("cells.0._ops.0._ops."); });
  if (is_search && genotype)
    throw UsageError("weights: these are of a search network, which has all operations; leave the genotype out.");
  if (!is_search && !genotype)
    throw UsageError("weights: they do not tell which cell they belong to; name it with --genotype.");
  DartsWeights result;
  result.description =
      is_search ? search_description(tensors, image_size) : evaluation_description(tensors, *genotype, image_size);
  result.network = restore_network(result.description, tensors, DType::kFloat32);
  std::set<std::string> known;
  for (const Parameter* parameter : result.network.module().state())
    known.insert(parameter->name);
  for (const auto& [name, tensor] : tensors) {
    if (!known.contains(name))
      refuse_weights(name, " is in the file, but no part of the network", is_search ? "." : " of this genotype.");
  }
  return result;
}

WeightMap network_weights(Module& module) {
  WeightMap tensors;
  for (const Parameter* parameter : module.state())
    tensors.emplace(parameter->name, parameter->value.to(Device{}));
  return tensors;
}

}  // namespace ockham::nas
