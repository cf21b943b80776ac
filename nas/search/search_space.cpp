#include "nas/search/search_space.h"

#include <algorithm>
#include <cmath>
#include <limits>

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

bool is_skip(const std::string& option) {
  return option == "skip_connect" || option == "identity";
}

}  // namespace

std::size_t count_options(const SearchSpace& space) {
  std::size_t count = 0;
  each_choice(space, [&](const Choice& choice, std::size_t) { count += choice.options.size(); });
  return count;
}

std::string random_cell(const SearchSpace& space, const RandomKey& key) {
  std::vector<double> numbers(count_options(space));
  for (std::size_t i = 0; i < numbers.size(); ++i)
    numbers[i] = normal(key, i);
  return space.derive(numbers);
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
      const auto largest = std::max_element(p.begin() + static_cast<std::ptrdiff_t>(begin),
                                            p.begin() + static_cast<std::ptrdiff_t>(begin + choice.options.size()));
      const auto place = static_cast<std::size_t>(largest - p.begin());
      if (is_skip(choice.options[place - begin]) && (weakest == allowed.size() || p[place] < p[weakest]))
        weakest = place;
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
