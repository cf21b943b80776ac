#pragma once
// PGNAS on a space of cells: cells are drawn from the gates' posterior and ranked with the search network's weights. An
// adaptation of ours (nas/spaces/mixing.h) of Zhou et al. 2020 (arXiv:1906.09557).
//
// How gates make a cell: of a choice's options the space takes those that are kept before the one without a gate
// (none), that before those that are dropped, and among the kept, as among the dropped, the lowest p first. Where it
// weighs choices against each other, as DARTS's two edges of a node, the one whose first gated option has the lowest p
// goes first, however many others of it were kept; choices that kept nothing come last.
#include "nas/methods/pgnas/pgnas.h"
#include "nas/spaces/space.h"

namespace ockham::nas {

/// Cell `number`: the gates of put_candidate(); with a fixed drop rate, any of those kept alike. Gates end all kept.
std::string draw_cell(const SearchSpace& space, std::span<const GatedGroup> groups, const Drawing& drawing,
                      std::uint64_t number);
/// The cell of the likeliest gates: those are kept whose p is below one half.
std::string likeliest_cell(const SearchSpace& space, std::span<const GatedGroup> groups);
/// Puts the operations of a cell in place, and drops all others. @throws UsageError as SearchSpace::indicator
void put_cell(const SearchSpace& space, std::span<const GatedGroup> groups, const std::string& cell);

struct RankedCell {
  std::string cell;
  std::uint64_t number = 0;  ///< the first that gave it
  std::int64_t draws = 0;    ///< how many did
  Score score;
};

/// Draws cells 0 to count - 1 and scores each distinct one on the batches, as rank_candidates() does. Cost: a pass over
/// the batches for each distinct cell; only the networks of NAS-Bench-1Shot1 compute what the cell does not have.
std::vector<RankedCell> rank_cells(const SearchSpace& space, const GatedNetwork& network,
                                   std::span<const Batch> batches, std::uint64_t count, const Drawing& drawing,
                                   const RankOptions& options = {});

}  // namespace ockham::nas
