#pragma once
// How far scores of a search network rank cells as their accuracies do, where these are known.
#include "nas/spaces/space.h"

namespace ockham::nas {

struct RankQuestion {
  std::int64_t cells = 0;  ///< drawn at random
  std::uint64_t seed = 0;
  std::function<double()> score;  ///< of the network as it is then
  std::function<double(const std::string& cell)> truth;
};

struct RankAgreement {
  double spearman = 0.0;
  double kendall = 0.0;
};

/// Puts the logits of random cells into the network, one option of each choice alone, and asks for the score each time;
/// the network is then as before.
RankAgreement rank_agreement(const SearchNetwork& network, const SearchSpace& space, const RankQuestion& question);

}  // namespace ockham::nas
