#pragma once
// Inside nas/methods/bayesnas only: what every rule would say of one trained network, so that rules are compared by
// what they choose and not by the luck of a training.
#include <cstdint>

#include "nas/methods/bayesnas/rounds/judged.h"
#include "nas/methods/method.h"

namespace ockham::nas {

/// What was measured at one step, before anything was pruned.
struct MeasuredLook {
  std::uint64_t step = 0;  ///< steps done
  SwitchCurvature curvature = {};
};

/// The opinions of
///   norm            the root mean square of a group's switches (where cells take one option of each choice)
///   curvature       sum of w^2 H over a group (there, too)
///   entropy, evidence, joint-evidence  as the rules of a search (nas/bayes/evidence/rules.h)
///   joint-strength  the largest strength of each choice by the joint evidence, without discrete ascent (there, too)
/// @param threshold  nats, of the rules of evidence
Look look_of(const MeasuredLook& measured, const SearchSpace& space, const SwitchNetwork& network,
             const PosteriorOptions& posterior, double threshold);

void pack(const std::vector<MeasuredLook>& looks, std::map<std::string, Tensor>& state);
std::vector<MeasuredLook> unpack_looks(const std::map<std::string, Tensor>& state, std::span<const SwitchGroup> groups);

}  // namespace ockham::nas
