#include "nas/methods/bayesnas/rule_looks.h"

#include <cmath>
#include <optional>

#include "engine/error.h"
#include "nas/bayes/sparse_prior.h"
#include "nas/methods/bayesnas/settings.h"
#include "nas/methods/bayesnas/switch_groups.h"

namespace ockham::nas {
namespace {

constexpr int kFirstRound = 1;  // nothing is pruned yet

std::vector<SwitchGroup> groups_at(const SwitchNetwork& network, const SwitchCurvature& curvature) {
  std::vector<SwitchGroup> groups = groups_of(network);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    groups[i].w = curvature.w[i];
    groups[i].hessian = curvature.hessian[i];
  }
  return groups;
}

/// Switches up to which the matrix is told: the square of their number becomes text.
constexpr std::size_t kToldSwitches = 128;

std::map<std::string, std::vector<std::vector<double>>> told(const SwitchCurvature& curvature) {
  std::map<std::string, std::vector<std::vector<double>>> result{
      {"switch", curvature.w}, {"gradient", curvature.gradient}, {"hessian", curvature.hessian}};
  const auto K = static_cast<std::size_t>(std::sqrt(static_cast<double>(curvature.matrix.size())));
  for (std::size_t k = 0; k < K && K <= kToldSwitches; ++k)
    result["matrix"].emplace_back(&curvature.matrix[k * K], &curvature.matrix[k * K] + K);
  return result;
}

std::string cell_or_none(const std::function<std::string()>& derive) {
  try {
    return derive();
  } catch (const UsageError&) {
    return {};
  }
}

/// Of what the rule keeps, by group.
std::string cell_of_kept(const SwitchNetwork& network, std::vector<SwitchGroup> groups,
                         const std::vector<bool>& redundant, std::vector<double> numbers, const Measure& measure) {
  prune_posterior(groups, redundant, kFirstRound);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (!groups[i].is_switch() || groups[i].is_pruned())
      numbers[i] = 0.0;
  }
  return cell_or_none([&] { return network.derive_kept({.values = numbers, .measure = measure}); });
}

/// Larger is better; what the entropy rule prunes comes after none of a choice.
std::vector<double> numbers_by_entropy(std::span<const SwitchGroup> groups, const std::vector<bool>& redundant) {
  std::vector<double> numbers;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const double gamma = groups[i].state.gamma;
    numbers.push_back(!groups[i].is_switch() ? 0.0 : redundant[i] ? -1.0 / gamma : gamma);
  }
  return numbers;
}

std::vector<double> effective_variances(std::span<const SwitchGroup> groups) {
  std::vector<double> result;
  for (const SwitchGroup& group : groups)
    result.push_back(group.effective);
  return result;
}

std::vector<double> norms(const SwitchCurvature& curvature) {
  std::vector<double> result;
  for (const std::vector<double>& w : curvature.w)
    result.push_back(w.empty() ? 0.0 : group_norm(w) / std::sqrt(static_cast<double>(w.size())));
  return result;
}

/// Sum of w^2 H over a group.
std::vector<double> curvatures(const SwitchCurvature& curvature) {
  std::vector<double> result(curvature.w.size());
  for (std::size_t i = 0; i < result.size(); ++i) {
    for (std::size_t copy = 0; copy < curvature.w[i].size(); ++copy)
      result[i] += curvature.w[i][copy] * curvature.w[i][copy] * curvature.hessian[i][copy];
  }
  return result;
}

}  // namespace

Look look_of(const MeasuredLook& measured, const SearchSpace& space, const SwitchNetwork& network,
             const PosteriorOptions& posterior, double threshold) {
  const SwitchCurvature& curvature = measured.curvature;
  std::vector<SwitchGroup> groups = groups_at(network, curvature);
  const bool keeps_any_number = network.derive_kept != nullptr;
  Look look{.step = measured.step, .loss = curvature.loss, .measured = told(curvature)};
  const auto by_largest = [&](const char* rule, std::vector<double> numbers) {
    std::string cell = cell_or_none([&] { return space.derive(numbers); });
    look.opinions.push_back({rule, std::move(cell), std::move(numbers)});
  };
  if (!keeps_any_number) {
    by_largest("norm", norms(curvature));
    by_largest("curvature", curvatures(curvature));
  }

  update_posterior(groups, posterior);
  const std::vector<bool> by_entropy = redundant_by_entropy(groups);
  if (keeps_any_number) {
    const std::vector<double> variances = effective_variances(groups);
    look.opinions.push_back({"entropy", cell_of_kept(network, groups, by_entropy, variances, Measure{}), variances});
  } else {
    by_largest("entropy", numbers_by_entropy(groups, by_entropy));
  }

  const std::optional<CellChoices> choices =
      keeps_any_number ? std::nullopt : std::optional(choices_of(space, network));
  for (const Rule rule : {Rule::kEvidence, Rule::kJointEvidence}) {
    const RuleOptions options{.rule = rule, .threshold = threshold};
    const Verdict verdict = judge(groups, curvature, kFirstRound, posterior, options, choices ? &*choices : nullptr);
    const std::string name = name_of(kRules, rule);
    if (keeps_any_number)
      look.opinions.push_back(
          {name, cell_of_kept(network, groups, verdict.is_redundant, verdict.numbers, strength_above(threshold)),
           verdict.numbers});
    else
      by_largest(name.c_str(), verdict.numbers);
    if (!keeps_any_number && rule == Rule::kJointEvidence)
      by_largest("joint-strength", numbers_by_worth(groups, verdict, kFirstRound, threshold));
  }
  return look;
}

void pack(const std::vector<MeasuredLook>& looks, std::map<std::string, Tensor>& state) {
  for (std::size_t i = 0; i < looks.size(); ++i) {
    const std::string prefix = concat("bayes.look.", i, ".");
    pack(Judged{.round = kFirstRound, .curvature = looks[i].curvature}, prefix, state);
    state.emplace(prefix + "step", Tensor::from(std::vector{static_cast<double>(looks[i].step)}, {1}));
  }
}

std::vector<MeasuredLook> unpack_looks(const std::map<std::string, Tensor>& state,
                                       std::span<const SwitchGroup> groups) {
  std::vector<MeasuredLook> looks;
  while (true) {
    const std::string prefix = concat("bayes.look.", looks.size(), ".");
    std::optional<Judged> judged = unpack_judged(state, prefix, groups);
    if (!judged)
      return looks;
    const auto step = state.find(prefix + "step");
    if (step == state.end() || step->second.spec() != Spec{{1}, DType::kFloat64})
      throw CheckpointError(concat("checkpoint: it lacks ", prefix, "step [1]; it is damaged."));
    looks.push_back({static_cast<std::uint64_t>(step->second.data<double>()[0]), std::move(judged->curvature)});
  }
}

}  // namespace ockham::nas
