// What every rule would say of one network, asked while it is trained: true to each rule, and without effect.
#include "nas/methods/bayesnas/settings.h"
#include "nas/spaces/nasbench201/search_space.h"
#include "tests/nas/bayesnas_search.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;
using ockham::test::has_equal_bits;
using ockham::test::noise_batch;

namespace {

constexpr std::uint64_t kSteps = 5;

const nasbench201::Space kSpace({.channels = 2, .cells_per_stage = 1, .classes = 3});

Batch small_batch(std::uint64_t stream) {
  return noise_batch(6, {.classes = 3, .image_size = 8}, DType::kFloat64, stream);
}

ImageSource source() {
  ImageSource images;
  images.sample = [](std::int64_t, std::int64_t draw) { return small_batch(100 + static_cast<std::uint64_t>(draw)); };
  return images;
}

BayesNasOptions with(Rule rule, std::int64_t looks) {
  BayesNasOptions options = BayesNasOptions::for_single_options();
  options.rule.rule = rule;
  options.looks = looks;
  options.seed = 7;
  options.dtype = DType::kFloat64;
  return options;
}

void step(BayesNas& method, std::uint64_t number) {
  method.step(small_batch(number), {}, {.number = number, .total = kSteps, .lr = 0.05});
}

std::unique_ptr<BayesNas> searched(const BayesNasOptions& options) {
  auto method = std::make_unique<BayesNas>(kSpace, options, source());
  for (std::uint64_t number = 0; number < kSteps; ++number)
    step(*method, number);
  method->end_phase(0, kNoPause);
  return method;
}

std::unique_ptr<BayesNas> searched(Rule rule, std::int64_t looks) {
  return searched(with(rule, looks));
}

const Opinion& opinion(const Look& look, const std::string& rule) {
  const auto found = std::ranges::find(look.opinions, rule, &Opinion::rule);
  BOOST_REQUIRE(found != look.opinions.end());
  return *found;
}

bool are_same(const std::vector<Look>& a, const std::vector<Look>& b) {
  const auto same_opinion = [](const Opinion& x, const Opinion& y) {
    return x.rule == y.rule && x.cell == y.cell && x.numbers == y.numbers;
  };
  return std::ranges::equal(a, b, [&](const Look& x, const Look& y) {
    return x.measured == y.measured && x.step == y.step && x.loss == y.loss &&
           std::ranges::equal(x.opinions, y.opinions, same_opinion);
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(rule_looks)

BOOST_AUTO_TEST_CASE(the_last_look_names_the_cell_that_a_search_by_each_rule_names) {
  const std::vector<Look> looks = searched(Rule::kEntropy, 2)->looks();
  BOOST_REQUIRE_EQUAL(looks.size(), 2u);
  BOOST_TEST(looks[0].step == 3u);  // the first that ends half of five steps
  BOOST_TEST(looks[1].step == kSteps);
  BOOST_TEST(looks[1].loss > 0.0);
  BOOST_TEST(opinion(looks[1], "entropy").cell == searched(Rule::kEntropy, 0)->derive());
  BOOST_TEST(opinion(looks[1], "evidence").cell == searched(Rule::kEvidence, 0)->derive());
  BOOST_TEST(opinion(looks[1], "joint-evidence").cell == searched(Rule::kJointEvidence, 0)->derive());
}

BOOST_AUTO_TEST_CASE(the_norm_is_asked_of_the_switches_as_they_are) {
  const auto method = searched(Rule::kEntropy, 1);
  const std::vector<double> norms = opinion(method->looks().at(0), "norm").numbers;
  const std::map<std::string, std::vector<double>> table = test::by_number(kSpace, method->posterior());
  BOOST_TEST(norms == table.at("norm"), boost::test_tools::per_element());
  BOOST_TEST(opinion(method->looks().at(0), "norm").cell == kSpace.derive(norms));
}

// An edge that may not be empty takes the largest of what is pruned.
BOOST_AUTO_TEST_CASE(what_the_entropy_rule_prunes_lies_below_zero_and_is_ordered_as_the_norms) {
  BayesNasOptions options = with(Rule::kEntropy, 1);
  options.posterior.lambda_child = options.posterior.lambda_origin = 16.9;  // brings switches of 1 near 0
  const Look look = searched(options)->looks().at(0);
  const std::vector<double> numbers = opinion(look, "entropy").numbers, norms = opinion(look, "norm").numbers;
  int pairs = 0;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    for (std::size_t j = 0; j < numbers.size(); ++j) {
      if (numbers[i] < 0.0 && numbers[j] < 0.0 && i != j) {
        BOOST_TEST((numbers[i] < numbers[j]) == (norms[i] < norms[j]));
        ++pairs;
      }
    }
  }
  BOOST_TEST(pairs > 0);
}

BOOST_AUTO_TEST_CASE(looks_change_nothing) {
  for (const Rule rule : {Rule::kEntropy, Rule::kJointEvidence}) {
    const auto with_looks = searched(rule, 3)->state(), without = searched(rule, 0)->state();
    for (const auto& [name, tensor] : without)
      BOOST_TEST(has_equal_bits(tensor, with_looks.at(name)), name);
    BOOST_TEST(with_looks.size() > without.size());
  }
}

BOOST_AUTO_TEST_CASE(a_search_saved_between_looks_and_loaded_has_the_same_ones) {
  BayesNas whole(kSpace, with(Rule::kEntropy, kSteps), source());
  step(whole, 0);
  BayesNas resumed(kSpace, with(Rule::kEntropy, kSteps), source());
  resumed.load(whole.state());
  for (std::uint64_t number = 1; number < kSteps; ++number) {
    step(whole, number);
    step(resumed, number);
  }
  BOOST_TEST(whole.looks().size() == kSteps);
  BOOST_TEST(are_same(whole.looks(), resumed.looks()));
}

BOOST_AUTO_TEST_CASE(a_look_without_its_step_is_refused) {
  auto saved = std::make_unique<BayesNas>(kSpace, with(Rule::kEntropy, 2), source());
  for (std::uint64_t number = 0; number < kSteps - 1; ++number)
    step(*saved, number);
  std::map<std::string, Tensor> state = saved->state();
  BOOST_REQUIRE(state.erase("bayes.look.0.step") == 1u);
  BayesNas again(kSpace, with(Rule::kEntropy, 2), source());
  BOOST_CHECK_EXCEPTION(again.load(state), CheckpointError, test::Says{{"bayes.look.0.step"}});
}

BOOST_AUTO_TEST_CASE(where_cells_keep_any_number_the_three_rules_are_asked_and_name_what_they_would_leave) {
  const auto searched_cells = [](Rule rule, std::int64_t looks) {
    BayesNasOptions options{.warmup_epochs = 0, .rule = {.rule = rule}, .looks = looks, .dtype = DType::kFloat64};
    options.posterior.lambda_child = options.posterior.lambda_origin = 1e-3;
    const SupernetSpec spec = test::tiny(SupernetSpec::bayesnas(2));
    ImageSource images;
    images.sample = [&](std::int64_t, std::int64_t) { return noise_batch(6, spec.frame, DType::kFloat64, 9); };
    test::BayesNasSearch search(spec, options, images);
    search.method.step(noise_batch(4, spec.frame, DType::kFloat64, 1), {}, {.number = 0, .total = 1, .lr = 0.01});
    const std::vector<Look> seen = search.method.looks();
    search.method.end_phase(0, kNoPause);
    return std::pair{seen, search.method.derive()};
  };
  const std::vector<Look> looks = searched_cells(Rule::kEntropy, 1).first;
  BOOST_REQUIRE_EQUAL(looks.at(0).opinions.size(), 3u);
  for (const Rule rule : {Rule::kEntropy, Rule::kEvidence, Rule::kJointEvidence})
    BOOST_TEST(opinion(looks[0], name_of(kRules, rule)).cell == searched_cells(rule, 0).second);
}

BOOST_AUTO_TEST_CASE(looks_that_could_not_be_measured_or_compared_are_refused) {
  const auto refused = [](BayesNasOptions options, std::initializer_list<std::string_view> parts) {
    BOOST_CHECK_EXCEPTION(require_usable(options), UsageError, test::Says{parts});
  };
  refused({.rounds = 2, .looks = 3}, {"--rule-looks 3", "--rounds 2", "nothing was pruned"});
  refused({.looks = 1, .hessian_batch_norm = BatchNormMode::kBatch}, {"--hessian-bn batch", "--rule-looks"});
  refused({.looks = 1, .hessian = {.curvature = Curvature::kRecursion}}, {"--hessian recursion"});
}

BOOST_AUTO_TEST_SUITE_END()
