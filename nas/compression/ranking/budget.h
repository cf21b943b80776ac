#pragma once
// Removing the lowest groups until a network has so many weights, or multiply-accumulates, left.
#include <functional>
#include <span>
#include <vector>

#include "autograd/tape.h"

namespace ockham::nas {

/// What an entry costs, by parameter: multiply-accumulates for one image, of convolutions and linear layers on a tape
/// that has recorded one image; 0 for parameters that are no weight of theirs, such as biases.
std::vector<double> macs_per_entry(const Tape& tape, std::span<Parameter* const> parameters);

/// The smallest k <= most for which cost(k) <= budget; cost must not rise with k. Asks about log2(most) times.
/// @throws UsageError if not even cost(most) fits, naming both
std::size_t fewest_removals(std::size_t most, double budget, const std::function<double(std::size_t)>& cost);

}  // namespace ockham::nas
