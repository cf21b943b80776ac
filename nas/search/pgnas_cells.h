#pragma once
// PGNAS on NAS-Bench-201: cells are drawn from the gates' posterior and ranked with the search network's weights. An
// adaptation of ours (nas/nasbench201/gated_supernet.h).
#include "nas/nasbench201/gated_supernet.h"
#include "nas/search/pgnas.h"

namespace ockham::nas {

/// Cell `number`: put_candidate(), and of several operations that an edge keeps the one of the lowest p; with a fixed
/// drop rate, any of them alike. Gates end all kept.
nasbench201::Cell draw_cell(nasbench201::GatedSupernet& network, const Drawing& drawing, std::uint64_t number);

struct RankedCell {
  nasbench201::Cell cell;
  std::uint64_t number = 0;  ///< the first that gave it
  std::int64_t draws = 0;    ///< how many did
  Score score;
};

/// Draws cells 0 to count - 1 and scores each distinct one on the batches, as rank_candidates() does. Cost: a pass over
/// the batches for each distinct cell, whose other operations are not computed.
std::vector<RankedCell> rank_cells(nasbench201::GatedSupernet& network, std::span<const Batch> batches,
                                   std::uint64_t count, const Drawing& drawing, const RankOptions& options = {});

}  // namespace ockham::nas
