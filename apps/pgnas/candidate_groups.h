#pragma once
// Groups of candidates drawn from gated networks, and how they are told: text, histograms, JSON.
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "apps/runs/program.h"
#include "nas/methods/pgnas/pgnas.h"

namespace ockham::apps {

struct Candidate {
  std::uint64_t number = 0;  ///< with the group's drawing and its network it says all (put_candidate)
  double accuracy = 0.0;     ///< on the validation images
  double loss = 0.0;
  std::int64_t parameters = 0;  ///< kept
};

struct CandidateGroup {
  std::string name;
  nas::Drawing drawing;
  double expected_parameters = 0.0;
  std::vector<Candidate> candidates;  ///< best first, at least one
  double test_accuracy = 0.0;         ///< of the best

  double mean_accuracy() const;
  /// Sample standard deviation; 0 for one candidate.
  double deviation() const;
  double mean_parameters() const;
};

/// Writes histogram.json and histogram.svg; prints the text histogram and a line a group.
void tell_groups(RunFolder& folder, std::span<const CandidateGroup> groups);
/// Mean, spread, sizes and the best of each, by name.
nlohmann::ordered_json groups_json(std::span<const CandidateGroup> groups);

}  // namespace ockham::apps
