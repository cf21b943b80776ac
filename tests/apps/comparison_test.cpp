// ockham-search --methods: several methods and seeds under one budget.
// labels: slow
#include <cmath>

#include "tests/apps/html.h"
#include "tests/apps/nasbench201_table.h"
#include "tests/apps/program.h"

namespace ockham {
namespace {

using nlohmann::json;
using test::contains;
using test::content;
using test::ends_with;
using test::Outcome;
using test::Program;
using test::run_program;
using test::TemporaryFolder;
namespace fs = std::filesystem;

const std::string kSizes =
    "--train-size 64 --test-size 16 --batch-size 8 --score-size 16 --save-every 1 --draws 5 --proxy-size 4 "
    "--candidates 2 --channels 2 ";
const std::string kSmall = kSizes + "--cells 1 --image-size 8 ";
const std::string kLong = kSmall + "--space nasbench201 --epochs 500 ";
const std::string kNb201 = kSmall + "--space nasbench201 --epochs 2 ";

/// The accuracy that the table gives a cell.
double accuracy_of(std::int64_t cell) {
  return 60.0 + static_cast<double>(cell) / 400.0;
}

void write_table(const fs::path& path) {
  test::write_nasbench201_table(path,
                                [](std::int64_t cell) { return "1," + std::to_string(accuracy_of(cell)) + ",2,3"; });
}

/// By the six digits of base 5 that the report calls a cell.
double accuracy_of_code(const std::string& code) {
  return accuracy_of(std::stoll(code, nullptr, 5));
}

json facts_of(const fs::path& out) {
  return json::parse(content(out / "comparison.json"));
}

std::vector<std::string> names_of(const json& facts) {
  std::vector<std::string> names;
  for (const json& run : facts["runs"])
    names.push_back(run["folder"]);
  return names;
}

std::string fixed(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(comparison, TemporaryFolder)

BOOST_AUTO_TEST_CASE(report_has_every_method_and_seed_and_the_means_of_the_table) {
  write_table(path() / "table.csv");
  const Outcome outcome = run_program(path(), "search",
                                      kNb201 +
                                          "--methods darts,balenas-tf,pgnas,random --seeds 1,2 --table table.csv "
                                          "--rank-cells 4 --json --out out");
  BOOST_REQUIRE(outcome.exit_code == 0);
  const json facts = facts_of(path() / "out");
  const std::string markdown = content(path() / "out/report.md"), html = content(path() / "out/report.html");
  BOOST_TEST(test::html_complaint(html) == "");
  for (const std::string method : {"darts", "balenas-tf", "pgnas", "random"}) {
    double sum = 0.0;
    std::vector<double> accuracies;
    for (const json& run : facts["runs"]) {
      if (run["method"] != method)
        continue;
      accuracies.push_back(accuracy_of_code(run["cell"]));
      sum += accuracies.back();
      const std::string row =
          "| " + method + " | " + run["seed"].dump() + " | " + run["cell"].get<std::string>() + " | ";
      BOOST_TEST(contains(markdown, row + fixed(accuracies.back()) + " | 2.00 | 3.00 |"), row);
      BOOST_TEST(contains(html, "<td>" + run["cell"].get<std::string>() + "</td>"));
      BOOST_TEST(run["steps"] == 8);
      BOOST_TEST(run["curve"].size() == 3u);  // two epochs and the end
      BOOST_TEST(run["collapsed"] ==
                 (accuracies.back() < 85.0 || run["skips"].get<int>() + run["nones"].get<int>() > 3));
      BOOST_TEST(run["rank_correlation"].is_null() == (method == "pgnas" || method == "random"));
      BOOST_TEST(run["candidates"].is_null() == (method == "darts"));
    }
    BOOST_REQUIRE(accuracies.size() == 2u);
    const std::string row = "| " + method + " | " + fixed(sum / 2.0) + " ± " +
                            fixed(std::abs(accuracies[0] - accuracies[1]) / std::sqrt(2.0)) + " | 2.00 ± 0.00 |";
    BOOST_TEST(contains(markdown, row), row);
    BOOST_TEST(contains(outcome.out, row), row);
  }
  BOOST_TEST(test::summary(outcome)["runs"] == facts["runs"]);
}

// c10_test of cell number n is n / 200 or so: its mean over the cells that transmit something is known.
BOOST_AUTO_TEST_CASE(controls_without_training_stand_in_the_same_report_with_their_margin_over_a_random_cell) {
  write_table(path() / "table.csv");
  const std::string methods = "random,evolution,local-search,proxies,largest";
  const Outcome outcome = run_program(
      path(), "search", kNb201 + "--methods " + methods + " --judge table --seeds 1,2 --table table.csv --out out");
  BOOST_REQUIRE(outcome.exit_code == 0);
  const json facts = facts_of(path() / "out");
  const std::string markdown = content(path() / "out/report.md");
  const double mean = facts["random_mean"]["c10_test_200"].get<double>();
  BOOST_TEST(facts["random_mean"]["c100_test_200"] == 2.0);
  for (const std::string method : {"random", "evolution", "local-search", "proxies", "largest"}) {
    std::vector<double> accuracies;
    for (const json& run : facts["runs"]) {
      if (run["method"] != method)
        continue;
      BOOST_TEST(run["steps"] == 0);
      BOOST_TEST(run["curve"].size() == 1u);  // the end
      accuracies.push_back(run["truth"]["c10_test_200"].get<double>());
    }
    BOOST_REQUIRE(accuracies.size() == 2u);
    const double margin = (accuracies[0] + accuracies[1]) / 2.0 - mean;
    const std::string row = "| " + method + " | " + (margin < 0.0 ? "" : "+") + fixed(margin) + " ± " +
                            fixed(std::abs(accuracies[0] - accuracies[1]) / 2.0) + " | +0.00 ± 0.00 |";
    BOOST_TEST(contains(markdown, row), row);
    BOOST_TEST(contains(outcome.out, row), row);
  }
}

BOOST_AUTO_TEST_CASE(candidates_are_weighed_by_the_table) {
  write_table(path() / "table.csv");
  BOOST_REQUIRE(
      run_program(path(), "search", kNb201 + "--methods pgnas --seeds 5 --table table.csv --out out").exit_code == 0);
  const json run = facts_of(path() / "out")["runs"][0];
  double sum = 0.0, best = 0.0;
  std::int64_t drawn = 0;
  for (const json& row : json::parse(content(path() / "out/pgnas-seed5/candidates.json"))) {
    const auto times = row["times"].get<std::int64_t>();
    sum += static_cast<double>(times) * row["c10_test_200"].get<double>();
    best = std::max(best, row["c10_test_200"].get<double>());
    drawn += times;
  }
  BOOST_TEST(run["candidates"]["drawn"] == drawn);
  BOOST_TEST(run["candidates"]["drawn"] == 5);
  BOOST_TEST(run["candidates"]["mean"].get<double>() == sum / 5.0, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(run["candidates"]["best"].get<double>() == best);
  BOOST_TEST(run["candidates"]["chosen"].get<double>() == accuracy_of_code(run["cell"]),
             boost::test_tools::tolerance(1e-6));
}

BOOST_AUTO_TEST_CASE(a_search_of_a_comparison_is_an_ordinary_one) {
  BOOST_REQUIRE(run_program(path(), "search", kNb201 + "--methods pgnas,balenas --seeds 7 --out out").exit_code == 0);
  BOOST_REQUIRE(run_program(path(), "search", kNb201 + "--method balenas --seed 7 --out one").exit_code == 0);
  for (const char* file : {"checkpoints/last.safetensors", "cell.txt"})
    BOOST_TEST((content(path() / "out/balenas-seed7" / file) == content(path() / "one" / file)), file);
  const json one = json::parse(content(path() / "one/summary.json"));
  BOOST_TEST(json::parse(content(path() / "out/balenas-seed7/summary.json"))["peak_bytes"] == one["peak_bytes"]);
}

BOOST_AUTO_TEST_CASE(a_method_may_have_settings_of_its_own) {
  const fs::path out = path() / "out";
  const std::string own = "'balenas.epochs=1;balenas.arch-lr=0.01' ";
  BOOST_REQUIRE(
      run_program(path(), "search",
                  kNb201 + "--methods darts,balenas --seeds 1 --out out --arch-lr 0.02 --method-settings " + own)
          .exit_code == 0);
  BOOST_TEST(contains(content(out / "darts-seed1/config.ini"), "arch-lr = 0.02"));
  BOOST_TEST(contains(content(out / "balenas-seed1/config.ini"), "arch-lr = 0.01"));
  const json facts = facts_of(out);
  BOOST_TEST(facts["runs"][0]["steps"].get<int>() == 2 * facts["runs"][1]["steps"].get<int>());
  BOOST_TEST(contains(content(out / "report.md"), "balenas.arch-lr=0.01"));

  const std::string before = content(out / "balenas-seed1/run.json");
  BOOST_TEST(run_program(path(), "search",
                         "--resume out --methods darts,balenas,random --method-settings "
                         "'balenas.epochs=1;balenas.arch-lr=0.01;random.candidates=1'")
                 .exit_code == 0);
  BOOST_TEST((content(out / "balenas-seed1/run.json") == before));
  BOOST_TEST(contains(content(out / "random-seed1/config.ini"), "candidates = 1"));
  BOOST_TEST(ends_with(run_program(path(), "search", "--resume out --method-settings balenas.epochs=2"), 2,
                       {"--epochs 2 differs"}));
}

BOOST_AUTO_TEST_CASE(an_option_that_no_method_of_the_run_has_is_named) {
  const Outcome one = run_program(path(), "search", kNb201 + "--method random --arch-weight-decay 1 --out one");
  BOOST_TEST(
      ends_with(one, 0, {"--arch-weight-decay has no effect: it is an option of darts, and the run is of random"}));
  BOOST_TEST(!contains(one.err, "--candidates has no effect"));
  const Outcome several =
      run_program(path(), "search", kNb201 + "--methods random,pgnas --darts-order 2 --seeds 1 --out several");
  BOOST_TEST(ends_with(several, 0, {"--darts-order has no effect: it is an option of darts"}));
  BOOST_TEST(!contains(several.err, "--draws has no effect"));
}

BOOST_AUTO_TEST_CASE(a_killed_comparison_goes_on_and_may_grow) {
  const fs::path out = path() / "out";
  Program program(path(), "search", kNb201 + "--methods darts,random --seeds 1 --out out");
  BOOST_TEST(program.wait_until([&] { return fs::exists(out / "random-seed1/checkpoints/last.safetensors"); }));
  program.send(SIGKILL);
  program.wait();
  const std::string first = content(out / "darts-seed1/run.json");
  BOOST_TEST(run_program(path(), "search", "--resume out").exit_code == 0);
  const std::string second = content(out / "random-seed1/run.json");
  BOOST_TEST(names_of(facts_of(out)) == (std::vector<std::string>{"darts-seed1", "random-seed1"}),
             boost::test_tools::per_element());
  BOOST_TEST(facts_of(out)["runs"][0]["resumed"] == false);

  BOOST_TEST(run_program(path(), "search", "--resume out --methods darts,random,pgnas --seeds 1,2").exit_code == 0);
  const std::vector<std::string> all{"darts-seed1", "random-seed1", "pgnas-seed1",
                                     "darts-seed2", "random-seed2", "pgnas-seed2"};
  BOOST_TEST(names_of(facts_of(out)) == all, boost::test_tools::per_element());
  BOOST_TEST((content(out / "darts-seed1/run.json") == first));
  BOOST_TEST((content(out / "random-seed1/run.json") == second));
  BOOST_TEST(run_program(path(), "search", "--resume out").exit_code == 0);
  BOOST_TEST(names_of(facts_of(out)) == all, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_stopped_comparison_ends_with_75) {
  Program program(path(), "search", kLong + "--methods darts,random --seeds 1 --out out");
  BOOST_TEST(program.wait_until([&] { return fs::exists(path() / "out/darts-seed1/checkpoints/last.safetensors"); }));
  program.send(SIGTERM);
  BOOST_TEST(ends_with(program.wait(), 75, {"--resume out"}));
  BOOST_TEST(!fs::exists(path() / "out/random-seed1"));
  BOOST_TEST(!fs::exists(path() / "out/report.md"));
}

BOOST_AUTO_TEST_CASE(overwriting_leaves_no_search_of_the_run_before) {
  const std::string options = "--methods darts --seeds 1 --out out ";
  BOOST_TEST(run_program(path(), "search", kNb201 + options).exit_code == 0);
  const std::string other = kNb201 + "--darts-order 2 " + options;
  BOOST_TEST(ends_with(run_program(path(), "search", other), 2, {"out exists"}));
  BOOST_TEST(run_program(path(), "search", other + "--overwrite").exit_code == 0);
  BOOST_TEST(contains(content(path() / "out/darts-seed1/config.ini"), "darts-order = 2"));
}

BOOST_AUTO_TEST_CASE(bayesnas_stands_beside_others_in_its_own_spaces) {
  const std::string options =
      kSizes +
      "--space darts --nodes 2 --cells 3 --image-size 16 --valid-size 16 --warmup-fraction 0.25 "
      "--epochs 2 --hessian-size 8 --hessian-refresh 2 --lambda 0.7 --proximal ";
  BOOST_REQUIRE(run_program(path(), "search", options + "--methods bayesnas,darts --seeds 1 --out out").exit_code == 0);
  const json facts = facts_of(path() / "out");
  BOOST_TEST(names_of(facts) == (std::vector<std::string>{"bayesnas-seed1", "darts-seed1"}),
             boost::test_tools::per_element());
  for (const json& run : facts["runs"]) {
    BOOST_TEST(run["cell"] == "genotype.json");
    BOOST_TEST(run["operations"] > 0);
    BOOST_TEST(!run["curve"].empty());
    BOOST_TEST(run["truth"].is_null());
  }
}

BOOST_AUTO_TEST_CASE(a_hostile_folder_name_stays_text) {
  BOOST_REQUIRE(
      run_program(path(), "search", kNb201 + "--methods random --seeds 1 --out '<img src=x onerror=alert(1)>&\"'")
          .exit_code == 0);
  const std::string html = content(path() / "<img src=x onerror=alert(1)>&\"" / "report.html");
  BOOST_TEST(test::html_complaint(html) == "");
  BOOST_TEST(!contains(html, "<img"));
  BOOST_TEST(contains(html, "&lt;img src=x onerror=alert(1)&gt;&amp;&quot;"));
}

BOOST_AUTO_TEST_CASE(a_plan_tells_of_every_method_and_writes_nothing) {
  const Outcome plan = run_program(path(), "search", kNb201 + "--methods darts,random --seeds 1,2 --dry-run");
  BOOST_TEST(plan.exit_code == 0);
  for (const char* part : {"darts, once a seed", "random, once a seed", "predicted peak"})
    BOOST_TEST(contains(plan.out, part), part);
  BOOST_TEST(fs::is_empty(path()));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_compared_is_refused_before_anything_runs) {
  const auto refuses = [&](const std::string& options, std::initializer_list<std::string_view> parts, int code = 2) {
    return ends_with(run_program(path(), "search", kSmall + options + " --out out"), code, parts) &&
           !fs::exists(path() / "out");
  };
  const std::string nb201 = "--space nasbench201 ";
  BOOST_TEST(refuses(nb201 + "--methods darts,dartz --seeds 1", {"'dartz'", "balenas-vogn", "did you mean 'darts'"}));
  BOOST_TEST(refuses(nb201 + "--methods darts,darts --seeds 1", {"'darts' twice"}));
  BOOST_TEST(refuses(nb201 + "--methods darts, --seeds 1", {"''", "is none of"}));
  BOOST_TEST(refuses(nb201 + "--methods darts --seeds 1,2,01", {"seed 1 twice"}));
  BOOST_TEST(refuses(nb201 + "--methods darts --seeds 1,two", {"'two'", "is no seed"}));
  BOOST_TEST(refuses(nb201 + "--methods darts --seeds=-1", {"'-1'", "is no seed"}));
  BOOST_TEST(refuses(nb201 + "--methods darts", {"--seeds 1,2,3"}));
  BOOST_TEST(refuses(nb201 + "--method darts --seeds 1", {"--methods"}));
  BOOST_TEST(refuses(nb201 + "--methods darts --seeds 1 --seed 3", {"--seed is of one search"}));
  BOOST_TEST(refuses(nb201 + "--methods darts,balenas-tf --seeds 1 --proxies synflaw", {"synflaw"}));
  BOOST_TEST(refuses(nb201 + "--methods darts --seeds 1 --table none.csv", {"none.csv"}, 5));
  const std::string both = nb201 + "--methods darts,random --seeds 1 --method-settings ";
  BOOST_TEST(refuses(both + "balenas.epochs=1", {"balenas is not among --methods darts,random"}));
  BOOST_TEST(refuses(both + "darts:epochs=1", {"'darts:epochs=1'", "METHOD.OPTION=VALUE"}));
  BOOST_TEST(refuses(both + "'darts.epochs=1;darts.epochs=2'", {"darts.epochs twice"}));
  BOOST_TEST(refuses(both + "darts.epocks=1", {"'epocks'"}));
  BOOST_TEST(refuses(both + "darts.seed=1", {"'seed' is not an option that a method can have for itself"}));
  BOOST_TEST(refuses(both + "darts.out=x", {"'out'"}));
  BOOST_TEST(refuses(both + "darts.epochs=-1", {"--epochs", "'-1'"}));
  BOOST_TEST(refuses(nb201 + "--method darts --method-settings darts.epochs=1", {"--methods"}));
  BOOST_REQUIRE(run_program(path(), "search", kNb201 + "--method random --out one").exit_code == 0);
  BOOST_TEST(ends_with(run_program(path(), "search", "--resume one --methods darts --seeds 1"), 2,
                       {"one search and no comparison"}));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham
