#pragma once
// How far scores of a search network rank cells as the accuracies do that NAS-Bench-201 knows.
#include <functional>
#include <nlohmann/json.hpp>

#include "nas/methods/method.h"
#include "nas/spaces/nasbench201/table.h"

namespace ockham::apps {

struct RankQuestion {
  std::int64_t cells = 0;  ///< drawn at random
  std::string dataset;     ///< that was searched on: the column is that of its test images, or of CIFAR-10's
  std::uint64_t seed = 0;
};

/// Puts the logits of random cells into the network, one option of each choice alone, and asks `score` each time; the
/// network is then as before. @return cells, column, spearman, kendall @throws what `pause` throws
nlohmann::ordered_json rank_agreement(const nas::SearchNetwork& network, const nas::SearchSpace& space,
                                      const nas::nasbench201::Table& table, const RankQuestion& question,
                                      const std::function<double()>& score, const nas::Pause& pause);

}  // namespace ockham::apps
