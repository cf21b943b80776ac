#include "nas/spaces/space.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "engine/error.h"

namespace ockham::nas {
namespace {

/// Calls body(choice, place of its first number).
template <class Body>
void each_choice(const SearchSpace& space, Body&& body) {
  std::size_t begin = 0;
  for (const Choice& choice : space.choices()) {
    body(choice, begin);
    begin += choice.options.size();
  }
}

/// The place of the choice's likeliest option other than none, which some spaces never derive.
std::size_t likeliest(const Choice& choice, std::span<const double> p) {
  std::size_t best = p.size();
  for (std::size_t o = 0; o < p.size(); ++o) {
    if (choice.options[o] != "none" && (best == p.size() || p[o] > p[best]))
      best = o;
  }
  return best;
}

}  // namespace

SwitchNetwork SearchSpace::make_switches(Initial&) const {
  throw UsageError(concat("space ", name(), ": it has no network with one switch for each of its ",
                          count_options(*this), " numbers; search it by logits."));
}

OwnedGatedNetwork SearchSpace::make_gated(const GateOptions&, Initial&) const {
  throw UsageError(concat("space ", name(), ": it has no network with gates behind its ", count_options(*this),
                          " numbers; search it by a method without gates."));
}

std::vector<double> SearchSpace::indicator(const std::string&) const {
  throw UsageError(concat("space ", name(), ": it does not tell which of its ", count_options(*this),
                          " options a cell takes; search it by a method that puts no cells into its network."));
}

TrainedNetwork SearchSpace::make_trained(const std::string&, Initial&) const {
  throw UsageError(concat("space ", name(), ": it does not build the network that is trained of one of its cells, of ",
                          count_options(*this), " options; search it without a limit on latency."));
}

std::vector<SwitchPlaces> places_of_numbers(const SearchSpace& space, const std::vector<Parameter*>& architecture) {
  std::vector<SwitchPlaces> places;
  each_choice(space, [&](const Choice& choice, std::size_t) {
    for (const std::string& option : choice.options)
      places.push_back({.choice = choice.name, .option = option});
  });
  std::size_t number = 0;
  for (Parameter* parameter : architecture) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(parameter->value.numel()); ++i) {
      places[number].copies.push_back({parameter, i});
      number = (number + 1) % places.size();
    }
  }
  OCKHAM_ASSERT(number == 0);
  return places;
}

std::size_t count_options(const SearchSpace& space) {
  std::size_t count = 0;
  each_choice(space, [&](const Choice& choice, std::size_t) { count += choice.options.size(); });
  return count;
}

std::vector<double> random_numbers(const SearchSpace& space, const RandomKey& key) {
  std::vector<double> numbers(count_options(space));
  for (std::size_t i = 0; i < numbers.size(); ++i)
    numbers[i] = normal(key, i);
  return numbers;
}

std::string random_cell(const SearchSpace& space, const RandomKey& key) {
  return space.derive(random_numbers(space, key));
}

std::vector<std::string> neighbours(const SearchSpace& space, const std::string& cell) {
  const std::vector<double> taken = space.indicator(cell);
  std::set<std::string> cells;
  for (std::size_t option = 0; option < taken.size(); ++option) {
    std::vector<double> numbers = taken;
    numbers[option] = 2.0;
    cells.insert(space.derive(numbers));
    for (double& number : numbers) {
      if (number != 1.0)
        continue;
      number = 0.5;  // of several that the new option may displace this one is the weakest
      cells.insert(space.derive(numbers));
      number = 1.0;
    }
  }
  cells.erase(cell);
  return {cells.begin(), cells.end()};
}

std::vector<double> probabilities(const SearchSpace& space, std::span<const double> logits) {
  std::vector<double> result(logits.begin(), logits.end());
  each_choice(space, [&](const Choice& choice, std::size_t begin) {
    const std::span<double> p = std::span(result).subspan(begin, choice.options.size());
    const double largest = std::ranges::max(p);
    double sum = 0.0;
    for (double& value : p)
      sum += value = std::exp(value - largest);
    for (double& value : p)
      value /= sum;
  });
  return result;
}

double mean_entropy(const SearchSpace& space, std::span<const double> logits) {
  const std::vector<double> p = probabilities(space, logits);
  double entropy = 0.0;
  for (const double value : p)
    entropy -= value > 0.0 ? value * std::log(value) : 0.0;
  return entropy / static_cast<double>(space.choices().size());
}

std::string derive_with_skip_cap(const SearchSpace& space, std::span<const double> numbers, std::int64_t most) {
  std::vector<double> allowed(numbers.begin(), numbers.end());
  std::string cell = space.derive(allowed);
  while (space.facts(cell).skips > most) {
    const std::vector<double> p = probabilities(space, allowed);
    std::size_t weakest = allowed.size();
    each_choice(space, [&](const Choice& choice, std::size_t begin) {
      const std::size_t best = likeliest(choice, std::span(p).subspan(begin, choice.options.size()));
      if (choice.options[best] == "skip_connect" && (weakest == allowed.size() || p[begin + best] < p[weakest]))
        weakest = begin + best;
    });
    if (weakest == allowed.size())
      throw UsageError(concat("skip cap: no cell of space ", space.name(), " has at most ", most,
                              " skip connections under these numbers; raise --skip-cap."));
    allowed[weakest] = std::numeric_limits<double>::lowest();
    cell = space.derive(allowed);
  }
  return cell;
}

}  // namespace ockham::nas
