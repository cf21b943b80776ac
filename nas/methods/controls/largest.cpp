#include "nas/methods/controls/largest.h"

#include <algorithm>
#include <optional>

#include "engine/error.h"

namespace ockham::nas {
namespace {

/// Of a space whose cells take one option of each choice; kMostCells + 1 stands for more, and for all other spaces.
std::int64_t count_cells(const SearchSpace& space, const std::vector<Choice>& choices) {
  const std::vector<double> taken = space.indicator(random_cell(space, {}));
  if (std::ranges::count(taken, 1.0) != std::ssize(choices))
    return Largest::kMostCells + 1;
  std::int64_t count = 1;
  for (const Choice& choice : choices)
    count = std::min(count * std::ssize(choice.options), Largest::kMostCells + 1);
  return count;
}

/// The cell that takes option number / (product of the options of later choices) of each choice.
std::string cell_of(const SearchSpace& space, const std::vector<Choice>& choices, std::int64_t number) {
  std::vector<double> numbers(count_options(space));
  std::size_t end = numbers.size();
  for (auto choice = choices.rbegin(); choice != choices.rend(); ++choice) {
    const auto options = std::ssize(choice->options);
    numbers[end - static_cast<std::size_t>(options - number % options)] = 1.0;
    number /= options;
    end -= static_cast<std::size_t>(options);
  }
  return space.derive(numbers);
}

/// What was looked at, and the largest that fits.
class Ranking {
 public:
  Ranking(const SearchSpace& space, const SizeLimits& limits) : space_(space), limits_(limits) {}

  /// True if the cell is connected, fits and is larger than all before it.
  bool look(const std::string& cell) {
    const CellFacts facts = space_.facts(cell);
    if (!facts.is_connected)
      return false;
    least_parameters_ = std::min(least_parameters_.value_or(facts.parameters), facts.parameters);
    least_macs_ = std::min(least_macs_.value_or(facts.macs), facts.macs);
    const auto score = static_cast<double>(facts.macs);
    if (!limits_.admit(facts) || (best_ && score <= best_->score))
      return false;
    best_ = {.cell = cell, .score = score};
    return true;
  }
  const std::optional<Candidate>& best() const { return best_; }
  void restart() { best_.reset(); }

  [[noreturn]] void refuse() const {
    throw UsageError(concat("largest: no cell of space ", space_.name(), " fits",
                            limits_.parameters ? concat(" --max-params ", *limits_.parameters) : std::string(),
                            limits_.macs ? concat(" --max-macs ", *limits_.macs) : std::string(),
                            "; the smallest seen have ", least_parameters_.value_or(0), " parameters and ",
                            least_macs_.value_or(0), " multiply-accumulates. Raise the limit."));
  }

 private:
  const SearchSpace& space_;
  const SizeLimits& limits_;
  std::optional<Candidate> best_;
  std::optional<std::int64_t> least_parameters_, least_macs_;
};

void look_at_all(const SearchSpace& space, const std::vector<Choice>& choices, std::int64_t cells, Ranking& ranking) {
  for (std::int64_t number = 0; number < cells; ++number)
    ranking.look(cell_of(space, choices, number));
}

/// From a start that fits, if one is drawn, to a peak.
void ascend(const SearchSpace& space, const RandomKey& start, Ranking& ranking, const Pause& pause) {
  constexpr std::uint64_t kDraws = 200;
  for (std::uint64_t i = 0; i < kDraws && !ranking.best(); ++i) {
    pause();
    ranking.look(random_cell(space, {start.seed, start.purpose, start.step * kDraws + i}));
  }
  for (bool rises = ranking.best().has_value(); rises;) {
    rises = false;
    for (const std::string& cell : neighbours(space, ranking.best()->cell)) {
      pause();
      rises = ranking.look(cell) || rises;
    }
  }
}

}  // namespace

std::vector<Candidate> Largest::weigh(const Pause& pause) const {
  const std::vector<Choice> choices = space_.choices();
  const std::int64_t cells = count_cells(space_, choices);
  Ranking ranking(space_, options_.limits);
  if (cells <= kMostCells)
    look_at_all(space_, choices, cells, ranking);
  std::optional<Candidate> best = ranking.best();
  for (std::uint64_t i = 0; i < kStarts && cells > kMostCells; ++i) {
    ranking.restart();
    ascend(space_, {options_.seed, Purpose::kArchitecture, i}, ranking, pause);
    if (ranking.best() && (!best || ranking.best()->score > best->score))
      best = ranking.best();
  }
  if (!best)
    ranking.refuse();
  return {*best};
}

}  // namespace ockham::nas
