#pragma once
// Inside nas/methods/bayesnas only: what a rule of evidence said at the end of a round, and what it said it of. The
// measured numbers are kept and the verdict is made of them, so that it can be made again: by a resumed search, or with
// another lambda.
#include <array>

#include "nas/bayes/evidence/rules.h"
#include "nas/methods/bayesnas/rounds/round.h"
#include "nas/spaces/space.h"

namespace ockham::nas {

struct Judged {
  int round = 1;
  double hessian_scale = 1.0;  ///< of the round: `auto` finds one in each
  SwitchCurvature curvature = {};
  /// By group, what it is worth (worth_of) by each half of the images alone; empty where there was one image.
  std::array<std::vector<double>, 2> halves = {};
  Verdict verdict = {};
};

/// CellChoices of a space whose cells take a certain number of options of each choice.
CellChoices choices_of(const SearchSpace& space, const SwitchNetwork& network);

void pack(const std::vector<RoundEvidence>& moves, std::map<std::string, Tensor>& state);
std::vector<RoundEvidence> unpack_moves(const std::map<std::string, Tensor>& state);

/// All but the verdict, by names that begin with `prefix`.
void pack(const Judged& judged, const std::string& prefix, std::map<std::string, Tensor>& state);
/// The same, of as many copies a group as the groups have; nothing where there is none of that prefix.
std::optional<Judged> unpack_judged(const std::map<std::string, Tensor>& state, const std::string& prefix,
                                    std::span<const SwitchGroup> groups);

}  // namespace ockham::nas
