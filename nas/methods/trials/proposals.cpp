#include "nas/methods/trials/proposals.h"

#include <algorithm>
#include <deque>
#include <map>

namespace ockham::nas {
namespace {

/// Numbers of a stream of their own: draws of cells take the streams from 0 on.
class Draws {
 public:
  explicit Draws(std::uint64_t seed) : key_{seed, Purpose::kArchitecture, ~std::uint64_t{0}} {}
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_below(key_, next_++, bound)); }

 private:
  RandomKey key_;
  std::uint64_t next_ = 0;
};

class RandomProposals : public Proposals {
 public:
  RandomProposals(const SearchSpace& space, std::uint64_t seed) : space_(space), seed_(seed) {}
  std::string next() override { return random_cell(space_, {seed_, Purpose::kArchitecture, drawn_++}); }
  void tell(double) override {}

 private:
  const SearchSpace& space_;
  std::uint64_t seed_;
  std::uint64_t drawn_ = 0;
};

class EvolutionProposals : public Proposals {
 public:
  EvolutionProposals(const SearchSpace& space, const EvolutionOptions& options, std::uint64_t seed)
      : space_(space), options_(options), first_(space, seed), draws_(seed) {}

  std::string next() override { return born_ = is_full() ? child() : first_.next(); }
  void tell(double score) override {
    if (is_full())
      alive_.pop_front();
    alive_.push_back({born_, score});
  }

 private:
  struct Individual {
    std::string cell;
    double score;
  };

  bool is_full() const { return std::ssize(alive_) == options_.population; }
  std::string child() {
    const Individual* parent = nullptr;
    for (std::int64_t i = 0; i < options_.sample; ++i) {
      const Individual& drawn = alive_[draws_.below(alive_.size())];
      parent = parent == nullptr || drawn.score > parent->score ? &drawn : parent;
    }
    const std::vector<std::string> children = neighbours(space_, parent->cell);
    return children.empty() ? parent->cell : children[draws_.below(children.size())];
  }

  const SearchSpace& space_;
  EvolutionOptions options_;
  RandomProposals first_;
  Draws draws_;
  std::deque<Individual> alive_;  // the oldest first
  std::string born_;
};

class LocalSearchProposals : public Proposals {
 public:
  LocalSearchProposals(const SearchSpace& space, std::uint64_t seed)
      : space_(space), starts_(space, seed), draws_(seed) {}

  std::string next() override {
    while (untried_.empty())
      advance();
    last_ = untried_.back();
    untried_.pop_back();
    return last_;
  }
  void tell(double score) override { known_[last_] = score; }

 private:
  /// Once all is known around here.
  void advance() {
    const auto score = [&](const std::string& cell) { return known_.at(cell); };
    if (around_.empty() && !here_.empty() && look_around())
      return;
    const auto best = std::ranges::max_element(around_, {}, score);  // the first of equals
    if (best == around_.end() || score(*best) <= score(here_))
      return start();
    here_ = *best;
    look_around();
  }
  /// False where there is nothing but this cell.
  bool look_around() {
    around_ = neighbours(space_, here_);
    for (std::size_t i = around_.size(); i > 1; --i)
      std::swap(around_[i - 1], around_[draws_.below(i)]);
    std::ranges::copy_if(around_, std::back_inserter(untried_),
                         [&](const std::string& cell) { return !known_.contains(cell); });
    return !around_.empty();
  }
  void start() {
    constexpr int kAttempts = 1000;  // where most is known a second look must do
    for (int i = 0; i < kAttempts && (i == 0 || known_.contains(here_)); ++i)
      here_ = starts_.next();
    around_.clear();
    untried_ = {here_};
  }

  const SearchSpace& space_;
  RandomProposals starts_;
  Draws draws_;
  std::map<std::string, double> known_;
  std::string here_;
  std::vector<std::string> around_;  // its neighbours; none before it is known itself
  std::vector<std::string> untried_;
  std::string last_;
};

}  // namespace

std::unique_ptr<Proposals> random_proposals(const SearchSpace& space, std::uint64_t seed) {
  return std::make_unique<RandomProposals>(space, seed);
}

std::unique_ptr<Proposals> evolution_proposals(const SearchSpace& space, const EvolutionOptions& options,
                                               std::uint64_t seed) {
  if (options.population < 1 || options.sample < 1)
    throw UsageError(concat("evolution: a population of ", options.population, ", of which ", options.sample,
                            " are drawn; both must be at least 1."));
  return std::make_unique<EvolutionProposals>(space, options, seed);
}

std::unique_ptr<Proposals> local_search_proposals(const SearchSpace& space, std::uint64_t seed) {
  return std::make_unique<LocalSearchProposals>(space, seed);
}

}  // namespace ockham::nas
