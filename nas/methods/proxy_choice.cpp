#include "nas/methods/proxy_choice.h"

#include <algorithm>

#include "nas/proxies/registry.h"
#include "nas/proxies/selection.h"
#include "nas/rank_correlation.h"

namespace ockham::nas {

std::vector<Candidate> distinct_connected(const SearchSpace& space, std::int64_t count,
                                          const std::function<std::string(std::int64_t)>& draw) {
  std::vector<Candidate> cells;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::string cell = draw(i);
    const auto known = std::ranges::find(cells, cell, &Candidate::cell);
    if (known == cells.end())
      cells.push_back({.cell = cell});
    else
      ++known->times;
  }
  std::vector<Candidate> connected;
  std::ranges::copy_if(cells, std::back_inserter(connected),
                       [&](const Candidate& cell) { return space.facts(cell.cell).is_connected; });
  return connected.empty() ? cells : connected;
}

void ProxyJudge::require_usable(const SearchSpace& space) const {
  for (const std::string& name : proxies) {
    Initial initial;
    if (proxies::find(name).needs_features)
      space.make_network(random_cell(space, {}), initial).network.up_to_features();
  }
}

void ProxyJudge::score(const SearchSpace& space, std::vector<Candidate>& cells, const Batch& images,
                       const Pause& pause) const {
  const Batch here = images.to(Device{});  // proxies look into their networks: they run on the host
  std::vector<std::vector<double>> scores(proxies.size());
  for (const Candidate& cell : cells) {
    pause();
    Initial initial{.seed = seed, .dtype = DType::kFloat64};
    const OwnedNetwork subject = space.make_network(cell.cell, initial);
    for (std::size_t p = 0; p < scores.size(); ++p)
      scores[p].push_back(proxies::find(proxies[p]).score(subject.network, here));
  }
  const std::vector<double> all = scores.size() == 1 ? without_nan(scores[0]) : proxies::rank_sums(scores);
  for (std::size_t i = 0; i < cells.size(); ++i)
    cells[i].score = all[i];
}

}  // namespace ockham::nas
