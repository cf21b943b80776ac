#include "nas/methods/bayesnas/rounds/reasons.h"

#include <algorithm>
#include <cstdio>

#include "engine/error.h"
#include "nas/bayes/entropy.h"

namespace ockham::nas {
namespace {

std::string three_digits(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

}  // namespace

/// The number that the rule looks at, and what it is compared with.
std::string Reasons::number_of(std::size_t i) const {
  const SwitchGroup& group = groups_[i];
  if (judged_ == nullptr)
    return concat("its variance ", three_digits(group.effective), " is ",
                  is_redundant(group.effective, rule_.variance) ? "not above " : "above ",
                  three_digits(rule_.variance));
  const Verdict& verdict = judged_->verdict;
  const double worth = worth_of(groups_, verdict)[i];
  const char* what = group.gates.is_origin ? "without the whole edge " : "without it ";
  return concat(what, three_digits(worth), " nats of evidence are lost, ", verdict.is_redundant[i] ? "not " : "",
                "more than ", three_digits(rule_.threshold));
}

std::string Reasons::pruned(std::size_t i) const {
  const SwitchGroup& group = groups_[i];
  const std::string begin = concat("pruned in round ", group.pruned_round, ": ");
  if (judged_ != nullptr && !is_judged(group, judged_->round))
    return concat(begin, "an earlier one than the evidence at hand");
  const bool by_itself =
      judged_ == nullptr ? is_redundant(group.effective, rule_.variance) : judged_->verdict.is_redundant[i];
  if (by_itself)
    return begin + number_of(i);
  if (group.gates.origin && groups_[*group.gates.origin].is_pruned())
    return concat(begin, "its edge is, though ", number_of(i));
  const auto is_pruned = [&](std::size_t before) { return groups_[before].is_pruned(); };
  if (!group.gates.before.empty() && std::ranges::all_of(group.gates.before, is_pruned))
    return concat(begin, "nothing that it reads is left, though ", number_of(i));
  if (!group.gates.behind.empty() && std::ranges::all_of(group.gates.behind, is_pruned))
    return concat(begin, "nothing that reads it is left, though ", number_of(i));
  return concat(begin, "no operation of its edge is left, though ", number_of(i));
}

std::string Reasons::amount_of(std::size_t i) const {
  return judged_ == nullptr ? concat("a variance of ", three_digits(groups_[i].state.gamma))
                            : concat(three_digits(judged_->verdict.strength[i]), " nats");
}

/// Of a choice of which a cell takes a certain number.
std::string Reasons::chosen(std::size_t i) const {
  const bool is_joint = judged_ != nullptr && rule_.rule == Rule::kJointEvidence;
  const char* how = is_joint ? " by discrete ascent" : "";
  if (taken_[i])
    return concat("taken", how, ": it has ", amount_of(i),
                  is_joint ? " beside all others" : ", as much as any left out");
  for (std::size_t other = 0; other < groups_.size(); ++other) {
    if (!taken_[other] || places_[other].choice != places_[i].choice)
      continue;
    if (!groups_[other].is_switch())
      return concat("left out", how, " for ", places_[other].option, ": ", number_of(i));
    return concat("left out", how, ": it has ", amount_of(i), ", and ", places_[other].option, ", which is taken, ",
                  amount_of(other));
  }
  return concat("left out", how, ": it has ", amount_of(i));
}

std::string Reasons::of(std::size_t i) const {
  const SwitchGroup& group = groups_[i];
  if (!group.is_switch() || group.state.covariance.empty())
    return {};
  if (!taken_.empty())
    return chosen(i);
  return group.is_pruned() ? pruned(i) : concat("kept: ", number_of(i));
}

}  // namespace ockham::nas
