#include "nas/methods/balenas/balenas_tf.h"

#include <algorithm>

#include "nas/methods/held_out.h"
#include "nas/proxies/registry.h"
#include "nas/proxies/selection.h"
#include "nas/rank_correlation.h"

namespace ockham::nas {

BalenasTf::BalenasTf(const SearchSpace& space, const BalenasTfOptions& options, HeldOut held_out)
    : Balenas(space, options.balenas), options_(options), held_out_(std::move(held_out)) {
  for (const std::string& name : options_.proxies) {  // what cannot score must not cost a search
    Initial initial;
    if (proxies::find(name).needs_features)
      space.make_network(random_cell(space, {}), initial).network.up_to_features();
  }
}

std::vector<Candidate> BalenasTf::draw() const {
  std::vector<Candidate> cells;
  for (std::int64_t i = 0; i < options_.cells; ++i) {
    // Steps address their draws from 0 on; these count from the other end.
    const RandomKey key{options().seed, Purpose::kArchitecture, ~static_cast<std::uint64_t>(i)};
    const std::string cell = cell_of(options_.draws_uniformly ? random_numbers(space(), key) : gaussian().draw(key));
    const auto known = std::ranges::find(cells, cell, &Candidate::cell);
    if (known == cells.end())
      cells.push_back({.cell = cell});
    else
      ++known->times;
  }
  std::vector<Candidate> connected;
  std::ranges::copy_if(cells, std::back_inserter(connected),
                       [&](const Candidate& cell) { return space().facts(cell.cell).is_connected; });
  return connected.empty() ? cells : connected;
}

std::vector<double> BalenasTf::score(const std::vector<Candidate>& cells, const Batch& images,
                                     const Pause& pause) const {
  const Batch here = images.to(Device{});  // proxies look into their networks: they run on the host
  std::vector<std::vector<double>> scores(options_.proxies.size());
  for (const Candidate& cell : cells) {
    pause();
    Initial initial{.seed = options().seed, .dtype = DType::kFloat64};
    const OwnedNetwork subject = space().make_network(cell.cell, initial);
    for (std::size_t p = 0; p < scores.size(); ++p)
      scores[p].push_back(proxies::find(options_.proxies[p]).score(subject.network, here));
  }
  return scores.size() == 1 ? without_nan(scores[0]) : proxies::rank_sums(scores);
}

void BalenasTf::end_phase(std::size_t, const Pause& pause) {
  std::vector<Candidate> cells = draw();
  const std::vector<double> scores =
      score(cells, first_images(held_out_, options_.proxy_images, DType::kFloat64), pause);
  for (std::size_t i = 0; i < cells.size(); ++i)
    cells[i].score = scores[i];
  drawn_ = std::move(cells);
}

void BalenasTf::rehearse_finish(const Batch& images) {
  score({{.cell = random_cell(space(), {.seed = options().seed, .purpose = Purpose::kProbe})}},
        {.images = images.images.to(DType::kFloat64), .labels = images.labels}, kNoPause);
}

std::string BalenasTf::derive() const {
  return drawn_.empty() ? Balenas::derive()
                        : std::ranges::max_element(drawn_, {}, &Candidate::score)->cell;  // the first of equals
}

}  // namespace ockham::nas
