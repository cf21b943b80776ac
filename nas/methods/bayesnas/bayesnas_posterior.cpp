// BayesNas: what it knows at the end, and why each switch was kept or pruned.
#include <algorithm>
#include <cmath>

#include "nas/bayes/entropy.h"
#include "nas/methods/bayesnas/bayesnas.h"
#include "nas/methods/bayesnas/rounds/reasons.h"
#include "nas/methods/bayesnas/settings.h"
#include "nas/methods/bayesnas/switch_groups.h"
#include "nas/train/parameter_vectors.h"

namespace ockham::nas {
namespace {

void add_evidence(const Judged& judged, std::size_t i, PosteriorTable& table) {
  const Verdict& verdict = judged.verdict;
  table.columns["evidence_variance"].push_back(verdict.variance[i]);
  table.columns["strength"].push_back(verdict.strength[i]);
  table.columns["block"].push_back(verdict.block[i]);
  table.columns["uninformed"].push_back(static_cast<double>(verdict.uninformed[i]));
  if (!judged.halves[0].empty()) {
    table.columns["strength_first_half"].push_back(judged.halves[0][i]);
    table.columns["strength_second_half"].push_back(judged.halves[1][i]);
  }
  table.copies["gradient"].push_back(judged.curvature.gradient[i]);
}

void add_evidence_of_all(const Judged& judged, std::span<const SwitchGroup> groups, PosteriorTable& table) {
  const Verdict& verdict = judged.verdict;
  table.evidence = verdict.evidence;
  if (verdict.correlation.empty())
    return;
  std::vector<std::size_t> row_of;  // by group
  std::size_t rows = 0;
  for (const SwitchGroup& group : groups)
    row_of.push_back(group.is_switch() ? rows++ : rows);
  PosteriorTable::Correlation& correlation = table.correlation.emplace();
  correlation.values = verdict.correlation;
  for (const std::size_t group : verdict.present)
    correlation.rows.push_back(row_of[group]);
}

PosteriorTable::Path path_table(const SparsityPath& path) {
  PosteriorTable::Path table{.knob = path.knob, .chosen = path.chosen};
  const Budget& budget = path.budget;
  if (budget.sizes.parameters)
    table.limits["max-params"] = static_cast<double>(*budget.sizes.parameters);
  if (budget.sizes.macs)
    table.limits["max-macs"] = static_cast<double>(*budget.sizes.macs);
  if (budget.latency) {
    table.limits["max-latency"] = *budget.latency;
    table.limits["latency-batch"] = static_cast<double>(budget.latency_images());
  }
  for (const PathPoint& point : path.points) {
    table.columns[path.knob].push_back(point.knob);
    table.columns["kept"].push_back(point.kept);
    table.columns["params"].push_back(static_cast<double>(point.cost.parameters));
    table.columns["macs"].push_back(static_cast<double>(point.cost.macs));
    if (point.evidence)
      table.columns["evidence"].push_back(*point.evidence);
    if (point.cost.latency)
      table.columns["latency_ms"].push_back(*point.cost.latency);
  }
  return table;
}

}  // namespace

/// By group, what the cell takes, where it takes a certain number of options and the space tells which; else empty.
std::vector<bool> BayesNas::taken() const {
  if (net_.derive_kept)
    return {};
  try {
    const std::vector<double> indicator = space_.indicator(derive());
    return {indicator.begin(), indicator.end()};
  } catch (const UsageError&) {
    return {};  // not every space tells
  }
}

PosteriorTable BayesNas::posterior() const {
  const OnHost values(switches_, &Parameter::value);
  PosteriorTable table{.rule = name_of(kRules, options_.rule.rule),
                       .threshold = judged_ ? options_.rule.threshold : pruning().rule.variance};
  const Reasons reasons(groups_, net_.groups, judged_ ? &*judged_ : nullptr, pruning().rule, taken());
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const SwitchGroup& group = groups_[i];
    if (!group.is_switch())
      continue;
    table.rows.push_back({net_.groups[i].choice, net_.groups[i].option, reasons.of(i)});
    for (const auto& [name, value] :
         std::initializer_list<std::pair<const char*, double>>{{"norm", rms_of(net_.groups[i])},
                                                               {"hessian", mean(group.hessian)},
                                                               {"gamma", group.state.gamma},
                                                               {"omega", group.state.omega},
                                                               {"variance", group.effective},
                                                               {"entropy", gaussian_entropy(group.effective)},
                                                               {"pruned_round", group.pruned_round},
                                                               {"kept", group.is_pruned() ? 0.0 : 1.0}})
      table.columns[name].push_back(value);
    table.copies["switch"].push_back(switches_of(net_.groups[i]));
    table.copies["hessian"].push_back(group.hessian);
    table.copies["covariance"].push_back(group.state.covariance);
    if (judged_)
      add_evidence(*judged_, i, table);
  }
  if (judged_)
    add_evidence_of_all(*judged_, groups_, table);
  if (path_)
    table.path = path_table(*path_);
  for (const RoundEvidence& move : moves_)
    table.rounds.push_back({{"round", move.round},
                            {"evidence", move.evidence},
                            {"evidence_per_image", move.per_image},
                            {"loss", move.loss},
                            {"strengths_moved", move.moved},
                            {"pruned", move.pruned}});
  return table;
}

}  // namespace ockham::nas
