#pragma once
// Removing the lowest groups until a network has so many weights or multiply-accumulates left, or takes so long.
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "autograd/tape.h"

namespace ockham::nas {

/// What an entry costs, by parameter: multiply-accumulates for one image, of convolutions and linear layers on a tape
/// that has recorded one image; 0 for parameters that are no weight of theirs, such as biases.
std::vector<double> macs_per_entry(const Tape& tape, std::span<Parameter* const> parameters);

/// How many groups go, and what the network costs then.
struct Removals {
  std::size_t count = 0;
  double cost = 0.0;
};

/// The smallest count <= most for which cost(count) <= budget, where cost falls with the count. Where it does not
/// quite, as measured times, one that fits beside one that does not. Asks about log2(most) times, by bisection.
/// @param unit  of costs: "parameters"
/// @throws UsageError if not even cost(most) fits, naming both
Removals fewest_removals(std::size_t most, double budget, std::string_view unit,
                         const std::function<double(std::size_t)>& cost);

/// @param least  what is left when `most` groups are removed
/// @throws UsageError if that is more than the budget
void require_within(double budget, std::size_t most, double least, std::string_view unit);

}  // namespace ockham::nas
