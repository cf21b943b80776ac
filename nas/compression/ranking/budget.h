#pragma once
// Removing the lowest groups until a network has so many weights, or multiply-accumulates, left.
#include <functional>

#include "autograd/tape.h"
#include "nas/compression/ranking/scores.h"

namespace ockham::nas {

/// Groups that are left, lowest score first; of equal ones the earlier first.
std::vector<std::size_t> removal_order(const Ranking& ranking);

/// What an entry costs, by parameter: multiply-accumulates for one image, of convolutions and linear layers on a tape
/// that has recorded one image; 0 for parameters that are no weight of theirs, such as biases.
std::vector<double> macs_per_entry(const Tape& tape, std::span<Parameter* const> parameters);

/// costs[k]: of all entries left when the first k groups of the order are removed; order.size() + 1 of them.
/// @param per_entry  by parameter; ones count weights
std::vector<double> costs_along(const GroupFamily& family, const Masks& masks, std::span<const std::size_t> order,
                                std::span<const double> per_entry);

/// The smallest k <= most for which cost(k) <= budget; cost must not rise with k. Asks about log2(most) times.
/// @throws UsageError if not even cost(most) fits, naming both
std::size_t fewest_removals(std::size_t most, double budget, const std::function<double(std::size_t)>& cost);

}  // namespace ockham::nas
