#include "nas/methods/pgnas/pgnas_cells.h"

#include <algorithm>
#include <numeric>

namespace ockham::nas {
namespace {

/// In the order in which options of a choice are taken.
enum class Standing { kKept, kUngated, kDropped };

/// An option of the space and its place among equals.
struct Option {
  Standing standing = Standing::kUngated;
  double order = 0.0;  ///< in [0, 1], the lowest first
  friend auto operator<=>(const Option&, const Option&) = default;
};

/// Ranks within each choice, as numbers: how good an option's rivals are must not weigh in a space that takes a softmax
/// of them to compare choices. Less than a rank is added to the first gated option, by which choices compare.
std::vector<double> numbers_of(const SearchSpace& space, std::span<const Option> options) {
  std::vector<double> numbers(options.size());
  std::size_t begin = 0;
  for (const Choice& choice : space.choices()) {
    std::vector<std::size_t> ranking(choice.options.size());
    std::iota(ranking.begin(), ranking.end(), begin);
    std::ranges::stable_sort(ranking, {}, [&](std::size_t i) { return options[i]; });
    for (std::size_t rank = 0; rank < ranking.size(); ++rank)
      numbers[ranking[rank]] = -static_cast<double>(rank);
    const auto first =
        std::ranges::find_if(ranking, [&](std::size_t i) { return options[i].standing != Standing::kUngated; });
    if (first != ranking.end())
      numbers[*first] += 0.5 * (1.0 - options[*first].order);
    begin += ranking.size();
  }
  return numbers;
}

std::vector<double>::size_type place_of(const GatedGroup& group) {
  return static_cast<std::size_t>(group.entry);
}

}  // namespace

std::string draw_cell(const SearchSpace& space, std::span<const GatedGroup> groups, const Drawing& drawing,
                      std::uint64_t number) {
  put_candidate(groups, drawing, number);
  const RandomKey key{drawing.seed, Purpose::kArchitecture, number};
  std::vector<Option> options(count_options(space));
  for (const GatedGroup& group : groups) {
    // put_candidate() took fewer random numbers than there are options.
    const double order = drawing.drop_rate ? uniform(key, options.size() + place_of(group)) : group.drop_probability();
    options[place_of(group)] = {group.keep->front() != 0.0 ? Standing::kKept : Standing::kDropped, order};
  }
  keep_all(groups);
  return space.derive(numbers_of(space, options));
}

std::string likeliest_cell(const SearchSpace& space, std::span<const GatedGroup> groups) {
  std::vector<Option> options(count_options(space));
  for (const GatedGroup& group : groups) {
    const double p = group.drop_probability();
    options[place_of(group)] = {p < 0.5 ? Standing::kKept : Standing::kDropped, p};
  }
  return space.derive(numbers_of(space, options));
}

void put_cell(const SearchSpace& space, std::span<const GatedGroup> groups, const std::string& cell) {
  const std::vector<double> indicator = space.indicator(cell);
  for (const GatedGroup& group : groups)
    std::ranges::fill(*group.keep, indicator[place_of(group)]);
}

std::vector<RankedCell> rank_cells(const SearchSpace& space, const GatedNetwork& network,
                                   std::span<const Batch> batches, std::uint64_t count, const Drawing& drawing,
                                   const RankOptions& options) {
  std::vector<RankedCell> drawn;
  for (std::uint64_t number = 0; number < count; ++number) {
    const std::string cell = draw_cell(space, network.groups, drawing, number);
    auto known = std::ranges::find(drawn, cell, &RankedCell::cell);
    if (known == drawn.end())
      known = drawn.insert(known, {.cell = cell, .number = number, .draws = 0, .score = {}});
    ++known->draws;
  }
  std::vector<RankedCell> result;
  const auto put = [&](std::uint64_t i) { put_cell(space, network.groups, drawn[i].cell); };
  for (const Ranked& ranked : rank_candidates(network, batches, drawn.size(), put, options)) {
    result.push_back(drawn[ranked.number]);
    result.back().score = ranked.score;
  }
  return result;
}

}  // namespace ockham::nas
