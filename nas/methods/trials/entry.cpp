#include <algorithm>

#include "nas/methods/shared_settings.h"
#include "nas/methods/trials/table_search.h"
#include "nas/methods/trials/trial_search.h"

namespace ockham::nas {
namespace {

/// Of searches by trial, whatever names their cells.
class TrialSettings : public MethodSettings {
 public:
  void describe(SettingVisitor& visitor) override {
    weights_.describe(visitor);
    visitor.group(kOtherMethodsHeading);
    visitor.count("candidates", options_.candidates, "cells tried (random, evolution, local-search)",
                  {.min = 1, .max = 10000});
    visitor.choice(
        "judge", asks_table_, {{"training", false}, {"table", true}},
        "what tells the worth of a cell tried: a training for an equal part of the steps, or without steps its "
        "c10_valid_200 in --table (random, evolution, local-search)");
  }
  std::unique_ptr<SearchMethod> make(const SearchSpace& space, const SearchBasics& basics,
                                     const ImageSource& images) const override {
    MakeProposals make_proposals = proposals(space, basics.seed);
    if (asks_table_) {
      if (!images.known_accuracy)
        throw UsageError("--judge table: there is no --table to ask; name one, or use --judge training.");
      return std::make_unique<TableSearch>(std::move(make_proposals), images.known_accuracy, options_.candidates);
    }
    TrialSearchOptions options = options_;
    options.weights = weights_.options(basics);
    options.lr = basics.lr;
    options.seed = basics.seed;
    options.dtype = basics.dtype;
    options.device = basics.device;
    return std::make_unique<TrialSearch>(space, options, std::move(make_proposals), images.held_out);
  }

 protected:
  std::int64_t candidates() const { return options_.candidates; }

 private:
  virtual MakeProposals proposals(const SearchSpace& space, std::uint64_t seed) const = 0;

  WeightSettings weights_;
  TrialSearchOptions options_;
  bool asks_table_ = false;
};

class RandomSettings : public TrialSettings {
  MakeProposals proposals(const SearchSpace& space, std::uint64_t seed) const override {
    return [&space, seed] { return random_proposals(space, seed); };
  }
};

class LocalSearchSettings : public TrialSettings {
  MakeProposals proposals(const SearchSpace& space, std::uint64_t seed) const override {
    return [&space, seed] { return local_search_proposals(space, seed); };
  }
};

class EvolutionSettings : public TrialSettings {
 public:
  void describe(SettingVisitor& visitor) override {
    TrialSettings::describe(visitor);
    visitor.count("population", population_, "cells alive (evolution) [10, but at most half of --candidates]",
                  {.min = 1, .max = 10000});
    visitor.count("tournament", evolution_.sample, "of these drawn, the best of which is the parent (evolution)",
                  {.min = 1, .max = 10000});
  }
  void require_usable() const override {
    if (population_ && *population_ >= candidates())
      throw UsageError(concat("--population ", *population_, ": --candidates ", candidates(),
                              " are drawn before any is born; lower the one or raise the other."));
  }

 private:
  MakeProposals proposals(const SearchSpace& space, std::uint64_t seed) const override {
    EvolutionOptions options = evolution_;
    options.population = population_.value_or(std::clamp<std::int64_t>(candidates() / 2, 1, options.population));
    return [&space, options, seed] { return evolution_proposals(space, options, seed); };
  }

  EvolutionOptions evolution_;
  std::optional<std::int64_t> population_;
};

template <class Settings>
MethodEntry trial_entry(std::string name, std::string summary) {
  return {.name = std::move(name),
          .summary = std::move(summary),
          .settings = default_settings<Settings>,
          .batches = 1,
          .sees = "a batch for the weights of one cell"};
}

}  // namespace

std::vector<MethodEntry> trials_methods() {
  return {trial_entry<RandomSettings>("random", "tries cells drawn at random, keeps the best"),
          trial_entry<EvolutionSettings>("evolution", "tries neighbours of good cells while the oldest die"),
          trial_entry<LocalSearchSettings>("local-search", "tries all neighbours of the best cell")};
}

}  // namespace ockham::nas
