#include "nas/methods/controls/proxy_draws.h"

#include "nas/methods/held_out.h"

namespace ockham::nas {

ProxyDraws::ProxyDraws(const SearchSpace& space, const ProxyDrawsOptions& options, HeldOut held_out)
    : space_(space), options_(options), held_out_(std::move(held_out)) {
  options_.judge.require_usable(space);
}

std::vector<Candidate> ProxyDraws::weigh(const Pause& pause) const {
  std::vector<Candidate> cells = distinct_connected(space_, options_.cells, [this](std::int64_t i) {
    return random_cell(space_, {options_.seed, Purpose::kArchitecture, ~static_cast<std::uint64_t>(i)});
  });
  options_.judge.score(space_, cells, first_images(held_out_, options_.images, DType::kFloat64), pause);
  return cells;
}

void ProxyDraws::rehearse_finish(const Batch& images) {
  std::vector<Candidate> one{{.cell = random_cell(space_, {.seed = options_.seed, .purpose = Purpose::kProbe})}};
  options_.judge.score(space_, one, {.images = images.images.to(DType::kFloat64), .labels = images.labels}, kNoPause);
}

}  // namespace ockham::nas
