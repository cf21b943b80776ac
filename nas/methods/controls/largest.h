#pragma once
// The cell of the most multiply-accumulates that fits: what a search has to beat that only found capacity.
#include "nas/methods/controls/untrained.h"
#include "nas/methods/shared_settings.h"

namespace ockham::nas {

struct LargestOptions {
  SizeLimits limits = {};
  std::uint64_t seed = 0;  ///< of the starts, where not all cells are looked at
};

/// Scores are multiply-accumulates. Where a cell takes one option of each choice and there are at most kMostCells, all
/// are looked at: the candidate is the largest there is, the first of equals by the order of choices. Else it is the
/// best of kStarts ascents, each from a cell drawn without preference to the largest neighbour that fits for as long as
/// there is a larger one.
class Largest : public UntrainedMethod {
 public:
  static constexpr std::int64_t kMostCells = 20'000;
  static constexpr std::uint64_t kStarts = 4;

  /// `space` must outlive it.
  Largest(const SearchSpace& space, const LargestOptions& options) : space_(space), options_(options) {}

 private:
  /// @throws UsageError if nothing fits, with the smallest that was seen
  std::vector<Candidate> weigh(const Pause& pause) const override;

  const SearchSpace& space_;
  LargestOptions options_;
};

}  // namespace ockham::nas
