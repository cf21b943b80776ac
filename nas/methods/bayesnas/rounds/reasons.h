#pragma once
// Inside nas/methods/bayesnas only: why a group of switches was kept or pruned, a sentence with the number that
// decided.
#include <span>
#include <string>
#include <vector>

#include "nas/methods/bayesnas/rounds/judged.h"

namespace ockham::nas {

class Reasons {
 public:
  /// @param places  what the groups are called
  /// @param judged  null for the entropy rule, and before a rule of evidence has judged
  /// @param taken   by group, where a cell takes a certain number of options of each choice; else empty
  Reasons(std::span<const SwitchGroup> groups, std::span<const SwitchPlaces> places, const Judged* judged,
          const RuleOptions& rule, std::vector<bool> taken)
      : groups_(groups), places_(places), judged_(judged), rule_(rule), taken_(std::move(taken)) {}

  /// Empty before the first round has ended.
  std::string of(std::size_t group) const;

 private:
  std::string number_of(std::size_t group) const;
  std::string pruned(std::size_t group) const;
  std::string chosen(std::size_t group) const;
  /// By which options of a choice are compared, in words.
  std::string amount_of(std::size_t group) const;

  std::span<const SwitchGroup> groups_;
  std::span<const SwitchPlaces> places_;
  const Judged* judged_;
  RuleOptions rule_;
  std::vector<bool> taken_;
};

}  // namespace ockham::nas
