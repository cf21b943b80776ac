#pragma once
// Which cell to try next, by what those before were found to be worth.
#include <functional>
#include <memory>

#include "nas/spaces/space.h"

namespace ockham::nas {

class Proposals {
 public:
  virtual ~Proposals() = default;
  /// The next cell; the same ones for the same scores told.
  virtual std::string next() = 0;
  /// What the last one is worth; larger is better.
  virtual void tell(double score) = 0;
};

/// Makes those of a search from their start.
using MakeProposals = std::function<std::unique_ptr<Proposals>()>;

/// Cells drawn without preference.
std::unique_ptr<Proposals> random_proposals(const SearchSpace& space, std::uint64_t seed);

struct EvolutionOptions {
  std::int64_t population = 10;  ///< cells alive, the youngest of all; the first of them drawn without preference
  std::int64_t sample = 3;       ///< of them, drawn with replacement, the best of which is the parent
};
/// Regularised evolution: a neighbour of the parent, drawn without preference, is born and the oldest dies. Real et al.
/// 2019 (AAAI), algorithm 1; population and sample of Dong and Yang 2020 (NAS-Bench-201).
std::unique_ptr<Proposals> evolution_proposals(const SearchSpace& space, const EvolutionOptions& options,
                                               std::uint64_t seed);

/// Local search: from a cell drawn without preference all neighbours that are not known yet, then those of the best one
/// if it is better, else from another draw. White, Nolen, Savani 2021 (UAI), algorithm 1, which ends at the first peak.
std::unique_ptr<Proposals> local_search_proposals(const SearchSpace& space, std::uint64_t seed);

}  // namespace ockham::nas
