#include "nas/methods/balenas/balenas_tf.h"

#include <algorithm>

#include "nas/methods/held_out.h"

namespace ockham::nas {

BalenasTf::BalenasTf(const SearchSpace& space, const BalenasTfOptions& options, HeldOut held_out)
    : Balenas(space, options.balenas), options_(options), held_out_(std::move(held_out)) {
  judge().require_usable(space);  // what cannot score must not cost a search
}

void BalenasTf::end_phase(std::size_t, const Pause& pause) {
  std::vector<Candidate> cells = distinct_connected(space(), options_.cells, [this](std::int64_t i) {
    // Steps address their draws from 0 on; these count from the other end.
    return cell_of(gaussian().draw({options().seed, Purpose::kArchitecture, ~static_cast<std::uint64_t>(i)}));
  });
  judge().score(space(), cells, first_images(held_out_, options_.proxy_images, DType::kFloat64), pause);
  drawn_ = std::move(cells);
}

void BalenasTf::rehearse_finish(const Batch& images) {
  std::vector<Candidate> one{{.cell = random_cell(space(), {.seed = options().seed, .purpose = Purpose::kProbe})}};
  judge().score(space(), one, {.images = images.images.to(DType::kFloat64), .labels = images.labels}, kNoPause);
}

std::string BalenasTf::derive() const {
  return drawn_.empty() ? Balenas::derive()
                        : std::ranges::max_element(drawn_, {}, &Candidate::score)->cell;  // the first of equals
}

}  // namespace ockham::nas
