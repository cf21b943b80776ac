#include "nas/search/pgnas_cells.h"

#include <algorithm>

namespace ockham::nas {

nasbench201::Cell draw_cell(nasbench201::GatedSupernet& network, const Drawing& drawing, std::uint64_t number) {
  put_candidate(network.groups(), drawing, number);
  const RandomKey key{drawing.seed, Purpose::kArchitecture, number};
  std::array<double, nasbench201::kAlphas> order{};
  for (const GatedGroup& group : network.groups()) {
    const auto entry = static_cast<std::size_t>(group.entry);
    // Numbers below kAlphas are put_candidate()'s.
    order[entry] = drawing.drop_rate ? uniform(key, nasbench201::kAlphas + entry) : group.drop_probability();
  }
  const nasbench201::Cell cell = network.cell(order);
  keep_all(network.groups());
  return cell;
}

std::vector<RankedCell> rank_cells(nasbench201::GatedSupernet& network, std::span<const Batch> batches,
                                   std::uint64_t count, const Drawing& drawing, const RankOptions& options) {
  std::vector<RankedCell> drawn;
  for (std::uint64_t number = 0; number < count; ++number) {
    const nasbench201::Cell cell = draw_cell(network, drawing, number);
    auto known = std::ranges::find(drawn, cell, &RankedCell::cell);
    if (known == drawn.end())
      known = drawn.insert(known, {.cell = cell, .number = number, .draws = 0, .score = {}});
    ++known->draws;
  }
  std::vector<RankedCell> result;
  const auto put = [&](std::uint64_t i) { network.put(drawn[i].cell); };
  for (const Ranked& ranked : rank_candidates(gated(network), batches, drawn.size(), put, options)) {
    result.push_back(drawn[ranked.number]);
    result.back().score = ranked.score;
  }
  return result;
}

}  // namespace ockham::nas
