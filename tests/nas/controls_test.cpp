// The controls that a search has to beat: who proposes cells, whom the table judges, what is largest.
#include <algorithm>
#include <map>
#include <set>

#include "nas/methods/controls/largest.h"
#include "nas/methods/controls/proxy_draws.h"
#include "nas/methods/trials/table_search.h"
#include "nas/spaces/cells/cell_space.h"
#include "nas/spaces/nasbench1shot1/search_space.h"
#include "nas/spaces/nasbench201/search_space.h"
#include "tests/nas/networks.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;
namespace nb = ockham::nas::nasbench201;

namespace {

const nb::Space kSpace({.channels = 4, .cells_per_stage = 1});

/// The number of 3x3 convolutions: one peak, six steps from the farthest cell.
double worth(const std::string& cell) {
  return static_cast<double>(std::ranges::count(nb::code(nb::parse_cell(cell)), '3'));
}

std::vector<Candidate> tried(const MakeProposals& make, std::int64_t queries) {
  TableSearch search(make, worth, queries);
  search.end_phase(0, kNoPause);
  return search.candidates();
}

bool are_neighbours(const std::string& a, const std::string& b) {
  return std::ranges::count(neighbours(kSpace, a), b) == 1;
}

double best_of(const std::vector<Candidate>& candidates) {
  return std::ranges::max(candidates, {}, &Candidate::score).score;
}

MakeProposals random_from(std::uint64_t seed) {
  return [seed] { return random_proposals(kSpace, seed); };
}
MakeProposals local_from(std::uint64_t seed) {
  return [seed] { return local_search_proposals(kSpace, seed); };
}
MakeProposals evolution_from(std::uint64_t seed, const EvolutionOptions& options = {}) {
  return [=] { return evolution_proposals(kSpace, options, seed); };
}

Score held_out(const std::function<Score(const Batch&)>& score) {
  return score(test::noise_batch(6, {.classes = 10, .image_size = 8}, DType::kFloat64, 100));
}

Largest largest(const SearchSpace& space, const SizeLimits& limits) {
  Largest method(space, {.limits = limits, .seed = 3});
  method.end_phase(0, kNoPause);
  return method;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(controls)

BOOST_AUTO_TEST_CASE(the_same_scores_give_the_same_cells_and_other_seeds_others) {
  for (const auto& from :
       {+[](std::uint64_t seed) { return random_from(seed); }, +[](std::uint64_t seed) { return local_from(seed); },
        +[](std::uint64_t seed) { return evolution_from(seed); }}) {
    const auto cells = [&](std::uint64_t seed) {
      std::vector<std::string> names;
      for (const Candidate& candidate : tried(from(seed), 40))
        names.push_back(candidate.cell);
      return names;
    };
    BOOST_TEST((cells(1) == cells(1)));
    BOOST_TEST((cells(1) != cells(2)));
  }
}

BOOST_AUTO_TEST_CASE(local_search_tries_each_neighbour_once_and_climbs_the_only_peak) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const std::vector<Candidate> candidates = tried(local_from(seed), 1 + 6 * 24);
    std::set<std::string> distinct;
    for (const Candidate& candidate : candidates)
      distinct.insert(candidate.cell);
    BOOST_TEST(distinct.size() == candidates.size());
    for (std::size_t i = 1; i <= 24; ++i)
      BOOST_TEST(are_neighbours(candidates[0].cell, candidates[i].cell));
    BOOST_TEST(best_of(candidates) == 6.0);
    if (candidates[0].score < 5.0) {  // those of a better neighbour come next
      BOOST_TEST(!are_neighbours(candidates[0].cell, candidates[30].cell));
      BOOST_TEST(candidates[30].score >= candidates[0].score);
    }
  }
}

BOOST_AUTO_TEST_CASE(local_search_goes_on_from_a_draw_where_all_neighbours_are_worse) {
  const auto flat = [](const std::string&) { return 1.0; };
  TableSearch search(local_from(3), flat, 26);
  search.end_phase(0, kNoPause);
  const std::vector<Candidate> candidates = search.candidates();
  const auto draws = random_proposals(kSpace, 3);
  BOOST_TEST(candidates[0].cell == draws->next());
  BOOST_TEST(candidates[25].cell == draws->next());
}

// A population of three, the first far better than all: it has children for as long as it lives, while three are born.
BOOST_AUTO_TEST_CASE(evolution_has_children_of_the_best_alive_and_the_oldest_dies) {
  std::int64_t asked = 0;
  const auto first_is_best = [&](const std::string&) { return asked++ == 0 ? 1.0 : 0.0; };
  TableSearch search(evolution_from(5, {.population = 3, .sample = 64}), first_is_best, 8);
  search.end_phase(0, kNoPause);
  const std::vector<Candidate> all = search.candidates();
  const auto draws = random_proposals(kSpace, 5);
  for (std::size_t i = 0; i < 3; ++i)
    BOOST_TEST(all[i].cell == draws->next());
  BOOST_TEST(are_neighbours(all[0].cell, all[3].cell));  // with it the first dies
  for (std::size_t i = 4; i < 8; ++i) {
    bool has_parent = false;
    for (std::size_t alive = i - 3; alive < i; ++alive)
      has_parent = has_parent || are_neighbours(all[alive].cell, all[i].cell);
    BOOST_TEST(has_parent);
  }
  BOOST_CHECK_THROW(evolution_proposals(kSpace, {.population = 0}, 1), UsageError);
}

BOOST_AUTO_TEST_CASE(by_equal_queries_both_searches_beat_draws) {
  double random = 0.0, local = 0.0, evolution = 0.0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    random += best_of(tried(random_from(seed), 60)) / 10.0;
    local += best_of(tried(local_from(seed), 60)) / 10.0;
    evolution += best_of(tried(evolution_from(seed), 60)) / 10.0;
  }
  BOOST_TEST(local > random + 0.2);
  BOOST_TEST(evolution > random + 0.2);
}

BOOST_AUTO_TEST_CASE(a_search_by_the_table_names_the_best_cell_that_it_asked_for) {
  TableSearch search(random_from(3), worth, 30);
  BOOST_CHECK_THROW(search.derive(), UsageError);
  search.end_phase(0, kNoPause);
  BOOST_TEST(search.candidates().size() == 30u);
  BOOST_TEST(worth(search.derive()) == best_of(search.candidates()));
  BOOST_TEST(search.phases(7).size() == 1u);
  BOOST_TEST(search.phases(7)[0].epochs == 0);
}

BOOST_AUTO_TEST_CASE(the_largest_cell_is_the_one_of_3x3_convolutions_and_under_a_limit_the_best_of_all) {
  BOOST_TEST(nb::code(nb::parse_cell(largest(kSpace, {}).derive())) == "333333");
  for (const auto& [parameters, macs] : std::map<std::int64_t, std::int64_t>{
           {1'000'000'000, 100'000'000}, {500'000, 1'000'000'000}, {400'000, 50'000'000}}) {
    std::int64_t most = 0;
    for (std::int64_t number = 0; number < nb::kCells; ++number) {
      const nb::Cell cell = nb::cell_of(number);
      if (nb::is_connected(cell) && nb::parameter_count(cell) <= parameters && nb::mac_count(cell) <= macs)
        most = std::max(most, nb::mac_count(cell));
    }
    const Largest method = largest(kSpace, {.parameters = parameters, .macs = macs});
    const CellFacts facts = kSpace.facts(method.derive());
    BOOST_TEST(facts.macs == most);
    BOOST_TEST(facts.parameters <= parameters);
    BOOST_TEST(method.candidates()[0].score == static_cast<double>(most));
  }
}

BOOST_AUTO_TEST_CASE(where_nothing_fits_the_smallest_is_named) {
  BOOST_CHECK_EXCEPTION(largest(kSpace, {.parameters = 1000}), UsageError,
                        (test::Says{{"--max-params 1000", "the smallest seen have 73306 parameters and 7783040"}}));
}

BOOST_AUTO_TEST_CASE(where_not_all_cells_are_looked_at_no_draw_and_no_neighbour_that_fits_is_larger) {
  const SoftmaxSpace darts(test::tiny(SupernetSpec::darts(2)), test::tiny_evaluation());
  const nasbench1shot1::SearchableSpace one_shot(nasbench1shot1::Space::k1, {});  // nodes take several inputs
  for (const SearchSpace* space : std::initializer_list<const SearchSpace*>{&darts, &one_shot}) {
    const auto macs = [&](const std::string& cell) { return space->facts(cell).macs; };
    const std::int64_t unlimited = macs(largest(*space, {}).derive());
    for (std::uint64_t i = 0; i < 50; ++i)
      BOOST_TEST(macs(random_cell(*space, {.seed = i, .purpose = Purpose::kTest})) <= unlimited);
    const std::int64_t limit = unlimited * 7 / 10;
    const std::string cell = largest(*space, {.macs = limit}).derive();
    BOOST_TEST(macs(cell) <= limit);
    for (const std::string& neighbour : neighbours(*space, cell))
      BOOST_TEST((macs(neighbour) <= macs(cell) || macs(neighbour) > limit));
  }
}

BOOST_AUTO_TEST_CASE(proxies_choose_among_connected_cells_drawn_without_preference) {
  ProxyDraws method(kSpace, {.cells = 8, .judge = {.proxies = {"macs"}}, .images = 4}, held_out);
  method.end_phase(0, kNoPause);
  BOOST_TEST(method.candidates().size() == 8u);  // of 15,625 cells
  double most = 0.0;
  for (const Candidate& candidate : method.candidates()) {
    BOOST_TEST(kSpace.facts(candidate.cell).is_connected);
    most = std::max(most, static_cast<double>(kSpace.facts(candidate.cell).macs));
  }
  BOOST_TEST(static_cast<double>(kSpace.facts(method.derive()).macs) == most);
  BOOST_CHECK_THROW(ProxyDraws(kSpace, {.judge = {.proxies = {"synflaw"}}}, held_out), UsageError);
}

BOOST_AUTO_TEST_SUITE_END()
