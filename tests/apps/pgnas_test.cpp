// ockham-pgnas: both groups of candidates, same bytes at any thread count and after a kill, refusals.
// labels: slow
#include "apps/report/histogram.h"
#include "tests/apps/program.h"

namespace ockham {
namespace {

using nlohmann::json;
using test::content;
using test::ends_with;
using test::metrics;
using test::Outcome;
using test::Program;
using test::run_program;
using test::TemporaryFolder;
namespace fs = std::filesystem;

// Eight steps a network, with everything that draws random numbers.
const std::string kTiny =
    "--train-size 32 --valid-size 24 --test-size 16 --image-size 8 --stem 2 --width 4 --blocks 1 --batch-size 8 "
    "--epochs 2 --cutout 2 --logit-rate 20 --draws 200 --save-every 1 --seed 3 ";

const std::vector<std::string> kFiles = {"checkpoints/last.safetensors", "histogram.json", "histogram.svg",
                                         "posterior.json"};

/// kTiny with another value of one of its options.
std::string tiny_but(const std::string& option, const std::string& value) {
  const std::size_t begin = kTiny.find(option + " ") + option.size() + 1;
  return std::string(kTiny).replace(begin, kTiny.find(' ', begin) - begin, value);
}

std::vector<std::string> differences(const fs::path& a, const fs::path& b) {
  std::vector<std::string> result;
  for (const std::string& file : kFiles) {
    BOOST_REQUIRE(fs::exists(a / file));
    if (content(a / file) != content(b / file))
      result.push_back(file);
  }
  if (metrics(a) != metrics(b))
    result.push_back("metrics.jsonl");
  return result;
}

/// The candidates of a group in histogram.json, the sum of its bins checked.
json candidates_of(const json& histogram, std::size_t group) {
  const json& entry = histogram["groups"][group];
  std::size_t counted = 0;
  for (const json& count : entry["counts"])
    counted += count.get<std::size_t>();
  BOOST_TEST(counted == entry["candidates"].size());
  return entry["candidates"];
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(pgnas, TemporaryFolder)

BOOST_AUTO_TEST_CASE(runs_give_the_same_bytes_at_any_thread_count_and_after_kills_in_either_network) {
  const std::string options = kTiny + "--baseline ";
  BOOST_TEST(run_program(path(), "pgnas", options + "--threads 1 --out one").exit_code == 0);
  BOOST_TEST(run_program(path(), "pgnas", options + "--threads 2 --out two").exit_code == 0);
  BOOST_TEST(differences(path() / "one", path() / "two") == std::vector<std::string>());
  std::string arguments = options + "--out killed";
  for (const std::string position : {R"(\"stretch\":0)", R"(\"stretch\":1)", R"(\"stretch\":1,\"epoch\":2)"}) {
    Program program(path(), "pgnas", arguments);
    BOOST_TEST(program.wait_until([&] {
      return test::contains(content(path() / "killed/checkpoints/metrics.json"), position) &&
             fs::exists(path() / "killed/checkpoints/last.safetensors");
    }));
    program.send(SIGKILL);
    BOOST_TEST(program.wait().exit_code == 128 + SIGKILL);
    arguments = "--resume killed";
  }
  BOOST_TEST(run_program(path(), "pgnas", arguments).exit_code == 0);
  BOOST_TEST(differences(path() / "one", path() / "killed") == std::vector<std::string>());
  BOOST_TEST(ends_with(run_program(path(), "pgnas", arguments), 0, {"this run is finished"}));
}

BOOST_AUTO_TEST_CASE(a_stop_while_candidates_are_ranked_leaves_a_checkpoint) {
  const std::string options = tiny_but("--draws", "20000") + "--out run";
  Program program(path(), "pgnas", options);
  BOOST_TEST(program.wait_until(
      [&] { return test::contains(content(path() / "run/checkpoints/metrics.json"), R"(\"epoch\":2)"); }));
  program.send(SIGTERM);
  BOOST_TEST(ends_with(program.wait(), 75, {"stopped at step 8", "--resume"}));
}

BOOST_AUTO_TEST_CASE(results_hold_all_groups_at_one_expected_size) {
  const Outcome outcome = run_program(path(), "pgnas", kTiny + "--baseline --json --out run");
  BOOST_REQUIRE(outcome.exit_code == 0);
  const json summary = test::summary(outcome);
  const json histogram = json::parse(content(path() / "run/histogram.json"));
  const std::vector<std::string> names = {"guided", "random", "baseline"};
  BOOST_REQUIRE(histogram["groups"].size() == names.size());
  const double expected = summary["groups"]["guided"]["expected_params"];
  BOOST_TEST(expected < 0.99 * summary["network"]["params"].get<double>());
  for (std::size_t g = 0; g < names.size(); ++g) {
    BOOST_TEST_CONTEXT(names[g]) {
      BOOST_TEST(histogram["groups"][g]["name"] == names[g]);
      const json& group = summary["groups"][names[g]];
      BOOST_TEST(group["expected_params"].get<double>() == expected, boost::test_tools::tolerance(1e-6));
      // A draw varies by 4 %, the mean of 200 by 0.3 %.
      BOOST_TEST(group["mean_params"].get<double>() == expected, boost::test_tools::tolerance(0.01));
      const json candidates = candidates_of(histogram, g);
      BOOST_REQUIRE(candidates.size() == 200u);
      for (const json& candidate : candidates)
        BOOST_REQUIRE(candidate["accuracy"].get<double>() <= candidates[0]["accuracy"].get<double>());
      BOOST_TEST(group["best"]["valid_accuracy"] == candidates[0]["accuracy"]);
      BOOST_TEST(test::contains(outcome.out, names[g] + ": mean "));
      BOOST_TEST(test::contains(content(path() / "run/histogram.svg"), names[g] + ": 200 candidates"));
    }
  }
  BOOST_TEST(histogram["groups"][0]["drop_rate"].is_null());
  BOOST_TEST(histogram["groups"][1]["drop_rate"] == summary["equal_size_drop"]);
  BOOST_TEST(summary["stage_drop"].size() == 3u);
  BOOST_TEST(json::parse(content(path() / "run/posterior.json"))["groups"].size() == 18u);
}

BOOST_AUTO_TEST_CASE(overwriting_leaves_nothing_of_the_run_before) {
  BOOST_REQUIRE(run_program(path(), "pgnas", tiny_but("--draws", "1") + "--out run").exit_code == 0);
  BOOST_TEST(fs::exists(path() / "run/histogram.svg"));
  Program program(path(), "pgnas", tiny_but("--epochs", "5000") + "--out run --overwrite");
  program.wait_until([&] {
    return test::contains(content(path() / "run/config.ini"), "epochs = 5000") &&
           fs::exists(path() / "run/checkpoints/last.safetensors");
  });
  for (const char* file : {"histogram.json", "histogram.svg", "posterior.json", "summary.json"})
    BOOST_TEST(!fs::exists(path() / "run" / file), file);
  program.send(SIGKILL);
  program.wait();
}

BOOST_AUTO_TEST_CASE(fixed_gates_stay_where_they_start) {
  const Outcome outcome = run_program(path(), "pgnas", kTiny + "--fixed --initial-drop 0.25 --json --out run");
  BOOST_REQUIRE(outcome.exit_code == 0);
  for (const json& drop : test::summary(outcome)["stage_drop"])
    BOOST_TEST(drop.get<double>() == 0.25, boost::test_tools::tolerance(1e-6));
}

BOOST_AUTO_TEST_CASE(a_memory_limit_splits_the_step_and_the_plan_says_so) {
  const Outcome plan = run_program(path(), "pgnas", kTiny + "--dry-run");
  BOOST_TEST(ends_with(plan, 0, {}));
  BOOST_TEST(test::contains(plan.out, "predicted peak"));
  BOOST_TEST(test::contains(plan.out, "in 18 groups"));
  const Outcome refused = run_program(path(), "pgnas", kTiny + "--threads 1 --memory-limit 20KB --out run");
  BOOST_TEST(ends_with(refused, 2, {"20000", "--memory-limit of at least"}));
  BOOST_TEST(!fs::exists(path() / "run"));
  const std::string before = "at least ";
  const std::string limit = std::to_string(std::stoull(refused.err.substr(refused.err.find(before) + before.size())));
  BOOST_TEST(ends_with(run_program(path(), "pgnas", kTiny + "--threads 1 --memory-limit " + limit + " --out run"), 0,
                       {"at a time in"}));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_done_is_refused_with_the_reason) {
  BOOST_TEST(
      ends_with(run_program(path(), "pgnas", tiny_but("--valid-size", "0")), 2, {"--valid-size 0", "validation"}));
  BOOST_TEST(ends_with(run_program(path(), "pgnas", kTiny + "--baseline --fixed"), 2, {"--baseline --fixed"}));
  BOOST_TEST(ends_with(run_program(path(), "pgnas", tiny_but("--image-size", "10")), 2, {"10x10", "divisible by 4"}));
  BOOST_TEST(
      ends_with(run_program(path(), "pgnas", tiny_but("--batch-size", "64")), 2, {"--batch-size 64", "only 32"}));
  BOOST_TEST(ends_with(run_program(path(), "pgnas", kTiny + "--initial-drop 1"), 2, {"--initial-drop", "0.999"}));
  BOOST_TEST(ends_with(run_program(path(), "pgnas", kTiny + "--prior-lenght 2"), 2, {"prior-length"}));
  BOOST_TEST(!fs::exists(path() / "runs"));
}

BOOST_AUTO_TEST_CASE(bins_are_the_narrowest_round_ones_and_hold_every_value_once) {
  const std::vector<apps::HistogramGroup> groups = {{"a", {10.0, 10.2, 11.9}}, {"b", {13.9}}};
  const apps::HistogramBins bins = apps::histogram_bins(groups, 20);
  BOOST_TEST(bins.width == 0.2, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(bins.edge(0) == 10.0, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(bins.count == 20);
  const std::vector<std::int64_t> counts = apps::histogram_counts(groups[0], bins);
  BOOST_TEST(counts[0] == 1);  // a value on an edge belongs above it
  BOOST_TEST(counts[1] == 1);
  BOOST_TEST(counts[9] == 1);
  const std::string text = apps::histogram_text(groups, bins, "x");
  BOOST_TEST(text.starts_with("x"));
  BOOST_TEST(std::ranges::count(text, '\n') == bins.count + 1);
  BOOST_TEST(test::contains(text, "\n13.8 - 14.0"));
  const std::vector<apps::HistogramGroup> equal = {{"a", {7.0, 7.0}}};
  BOOST_TEST(apps::histogram_counts(equal[0], apps::histogram_bins(equal)) == std::vector<std::int64_t>{2});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ockham
