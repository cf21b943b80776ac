// Searches by methods other than bayesnas: results, resumption, threads, refusals.
// labels: slow
#include "tests/apps/nasbench201_table.h"
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

const std::string kSizes =
    "--train-size 64 --test-size 16 --batch-size 8 --score-size 16 "
    "--save-every 1 --seed 3 --draws 5 --proxy-size 4 --curvature-size 2 --candidates 2 ";
const std::string kNb201 = kSizes + "--channels 2 --space nasbench201 --image-size 8 --cells 1 ";

const std::vector<std::string> kMethods = {"darts --eigenvalue-size 4",
                                           "darts --darts-order 2",
                                           "balenas",
                                           "balenas-von",
                                           "balenas-vogn",
                                           "balenas-tf",
                                           "pgnas",
                                           "bayesnas --hessian-size 4",
                                           "bayesnas --hessian-size 4 --rule evidence --lambda 1e-4",
                                           "bayesnas --hessian-size 4 --rule joint-evidence --lambda 1e-4",
                                           "bayesnas --hessian-size 4 --max-params 600000",
                                           "bayesnas --hessian-size 4 --rule evidence --max-macs 80000000",
                                           "random",
                                           "evolution --population 1",
                                           "local-search",
                                           "proxies",
                                           "largest --max-params 400000"};

/// c10_valid of a cell is its number / 200, the rest alike for all.
void write_table(const fs::path& path, std::int64_t rows = 15625) {
  test::write_nasbench201_table(
      path, [](std::int64_t cell) { return std::to_string(static_cast<double>(cell) / 200.0) + ",1,2,3"; }, rows);
}

bool same_runs(const fs::path& a, const fs::path& b) {
  BOOST_REQUIRE(fs::exists(a / "checkpoints/last.safetensors"));
  return content(a / "checkpoints/last.safetensors") == content(b / "checkpoints/last.safetensors") &&
         content(a / "cell.txt") == content(b / "cell.txt") && metrics(a) == metrics(b);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(methods, TemporaryFolder)

BOOST_AUTO_TEST_CASE(each_method_gives_the_same_bytes_at_any_thread_count_and_after_a_kill) {
  for (const std::string& method : kMethods) {
    BOOST_TEST_CONTEXT(method) {
      const std::string options = kNb201 + "--method " + method;
      BOOST_TEST(run_program(path(), "search", options + " --threads 1 --out one --overwrite").exit_code == 0);
      BOOST_TEST(run_program(path(), "search", options + " --threads 2 --out two --overwrite").exit_code == 0);
      BOOST_TEST(same_runs(path() / "one", path() / "two"));
      fs::remove_all(path() / "killed");
      Program program(path(), "search", options + " --out killed");
      program.wait_until([&] { return fs::exists(path() / "killed/checkpoints/last.safetensors"); });
      program.send(SIGKILL);
      program.wait();
      BOOST_TEST(run_program(path(), "search", "--resume killed").exit_code == 0);
      BOOST_TEST(same_runs(path() / "one", path() / "killed"));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_search_that_was_interrupted_after_its_last_step_names_its_results_again) {
  double accuracies = 0.0;
  for (const std::string method : {"balenas-tf", "random", "bayesnas --hessian-size 4",
                                   "bayesnas --hessian-size 4 --rule joint-evidence --lambda 1e-4"}) {
    BOOST_TEST_CONTEXT(method) {
      BOOST_REQUIRE(run_program(path(), "search", kNb201 + "--out run --overwrite --method " + method).exit_code == 0);
      const json before = json::parse(content(path() / "run/summary.json"));
      const std::string posterior = content(path() / "run/posterior.json");
      fs::remove(path() / "run/summary.json");
      fs::remove(path() / "run/posterior.json");
      BOOST_REQUIRE(run_program(path(), "search", "--resume run").exit_code == 0);
      const json after = json::parse(content(path() / "run/summary.json"));
      BOOST_TEST(before["cell"] == after["cell"]);
      accuracies += before["supernet_valid_accuracy"].get<double>();
      BOOST_TEST(before["supernet_valid_accuracy"] == after["supernet_valid_accuracy"]);
      BOOST_TEST((method == "random" || content(path() / "run/posterior.json") == posterior));
    }
  }
  BOOST_TEST(accuracies > 0.0);
}

BOOST_AUTO_TEST_CASE(the_table_tells_the_truth_of_every_cell_named) {
  write_table(path() / "table.csv");
  const Outcome outcome =
      run_program(path(), "search",
                  kNb201 + "--method balenas-tf --table table.csv --rank-cells 3 --eigenvalue-size 4 --json --out run");
  BOOST_REQUIRE(outcome.exit_code == 0);
  const json summary = test::summary(outcome);
  BOOST_TEST(summary["truth"]["c10_test_200"] == 1.0);
  BOOST_TEST(summary["rank_correlation"]["cells"] == 3);
  BOOST_TEST(summary["rank_correlation"]["column"] == "c10_test_200");
  const json last = metrics(path() / "run").back();
  BOOST_TEST(last["c100_test_200"] == 2.0);
  BOOST_TEST(last.contains("eigenvalue"));
  BOOST_TEST(last.contains("sigma_mean"));
  const json candidates = json::parse(content(path() / "run/candidates.json"));
  bool has_chosen = false;
  for (const json& candidate : candidates)
    has_chosen = has_chosen || candidate["cell"] == summary["cell"];
  BOOST_TEST(has_chosen);
  const json posterior = json::parse(content(path() / "run/posterior.json"));
  BOOST_TEST(posterior["format"] == 2);
  BOOST_TEST(posterior["method"] == "balenas-tf");
  BOOST_TEST(posterior["space"] == "nasbench201");
  BOOST_TEST(posterior["groups"].size() == 6u * 5u);
  BOOST_TEST(posterior["groups"][29]["choice"] == "3<-2");
  for (const char* column : {"mean", "sigma", "probability"})
    BOOST_TEST(posterior["groups"][29].contains(column), column);
}

BOOST_AUTO_TEST_CASE(searches_by_the_table_ask_it_for_as_many_cells_and_end_with_the_best) {
  write_table(path() / "table.csv");
  const std::string sizes =
      "--train-size 64 --test-size 16 --batch-size 8 --score-size 16 --channels 2 --space nasbench201 --image-size 8 "
      "--cells 1 ";
  for (const std::string method : {"random", "evolution", "local-search"}) {
    BOOST_TEST_CONTEXT(method) {
      const Outcome outcome =
          run_program(path(), "search",
                      sizes + "--method " + method +
                          " --judge table --table table.csv --candidates 30 --out run --overwrite --json");
      BOOST_REQUIRE(outcome.exit_code == 0);
      const json summary = test::summary(outcome), candidates = json::parse(content(path() / "run/candidates.json"));
      BOOST_TEST(candidates.size() == 30u);
      double best = 0.0;
      for (const json& candidate : candidates)
        best = std::max(best, candidate["c10_valid_200"].get<double>());
      BOOST_TEST(summary["truth"]["c10_valid_200"] == best);
    }
  }
  BOOST_TEST(
      ends_with(run_program(path(), "search", kNb201 + "--method random --judge table"), 2, {"there is no --table"}));
  BOOST_TEST(ends_with(run_program(path(), "search", kNb201 + "--method evolution --population 2"), 2,
                       {"--population 2", "--candidates 2"}));
}

BOOST_AUTO_TEST_CASE(ranks_that_a_method_cannot_tell_are_said_to_be_missing) {
  write_table(path() / "table.csv");
  const auto says = [&](const std::string& method) {
    const Outcome outcome =
        run_program(path(), "search", kNb201 + "--table table.csv --out run --overwrite --method " + method);
    BOOST_REQUIRE(outcome.exit_code == 0);
    return outcome.err.find("there will be no rank correlation") != std::string::npos;
  };
  BOOST_TEST(says("random --rank-cells 2"));
  BOOST_TEST(!says("random"));
  BOOST_TEST(!says("darts --rank-cells 2"));
}

BOOST_AUTO_TEST_CASE(a_cell_found_in_the_space_of_darts_can_be_trained) {
  const std::string sizes = kSizes + "--channels 2 --space darts --nodes 2 --cells 3 --image-size 16 ";
  for (const std::string method : {"darts", "balenas", "random"}) {
    BOOST_TEST(run_program(path(), "search", sizes + "--method " + method + " --out run --overwrite").exit_code == 0);
    BOOST_TEST(run_program(path(), "train",
                           "--genotype run/genotype.json --train-size 16 --test-size 8 --image-size 16 --channels 2 "
                           "--cells 3 --batch-size 8 --epochs 1 --out trained --overwrite")
                   .exit_code == 0);
  }
}

BOOST_AUTO_TEST_CASE(the_spaces_of_1shot1_are_searched_by_every_method_on_logits_switches_and_gates) {
  for (const std::string space : {"1shot1-1", "1shot1-3"}) {
    for (const std::string method : {"darts", "balenas-tf", "bayesnas --hessian-size 4", "pgnas", "random", "evolution",
                                     "local-search", "proxies"})
      BOOST_TEST(run_program(path(), "search",
                             kSizes + "--image-size 8 --channels 4 --cells 1 --space " + space + " --method " + method +
                                 " --out run --overwrite")
                     .exit_code == 0);
  }
}

BOOST_AUTO_TEST_CASE(bayesnas_in_1shot1_gives_the_same_bytes_at_any_thread_count) {
  const std::string options =
      kSizes + "--image-size 8 --channels 4 --cells 1 --space 1shot1-2 --method bayesnas --hessian-size 4 ";
  for (const std::string threads : {"1", "2"})
    BOOST_TEST(run_program(path(), "search", options + "--out run" + threads + " --threads " + threads).exit_code == 0);
  BOOST_TEST(same_runs(path() / "run1", path() / "run2"));
  BOOST_TEST(content(path() / "run1/posterior.json") == content(path() / "run2/posterior.json"));
}

BOOST_AUTO_TEST_CASE(bayesnas_takes_the_published_recursion_in_every_space) {
  for (const std::string space : {"nasbench201", "1shot1-2"})
    BOOST_TEST(ends_with(run_program(path(), "search",
                                     kSizes +
                                         "--image-size 8 --channels 4 --cells 1 --method bayesnas --hessian-size "
                                         "4 --hessian recursion --overwrite --out run --space " +
                                         space),
                         0, {}));
}

BOOST_AUTO_TEST_CASE(pgnas_gives_the_same_bytes_at_any_thread_count_in_spaces_of_two_kinds_of_cells) {
  for (const std::string space : {"darts", "bayesnas"}) {
    const std::string options =
        kSizes + "--image-size 8 --channels 4 --cells 3 --nodes 2 --method pgnas --space " + space;
    for (const std::string threads : {"1", "2"})
      BOOST_TEST(run_program(path(), "search", options + " --overwrite --out run" + threads + " --threads " + threads)
                     .exit_code == 0);
    BOOST_TEST(same_runs(path() / "run1", path() / "run2"));
    BOOST_TEST(content(path() / "run1/candidates.json") == content(path() / "run2/candidates.json"));
  }
}

BOOST_AUTO_TEST_CASE(each_method_takes_maps_in_bfloat16_and_all_numbers_in_float64) {
  for (const std::string& method : kMethods) {
    for (const std::string precision : {"bf16", "fp64"})
      BOOST_TEST(
          run_program(path(), "search",
                      kNb201 + "--epochs 1 --method " + method + " --precision " + precision + " --out run --overwrite")
                  .exit_code == 0,
          method << " in " << precision);
  }
}

BOOST_AUTO_TEST_CASE(a_memory_limit_splits_the_step_and_the_plan_says_so) {
  const Outcome plan = run_program(path(), "search", kNb201 + "--method balenas --dry-run");
  BOOST_TEST(ends_with(plan, 0, {}));
  BOOST_TEST(test::contains(plan.out, "predicted peak"));
  BOOST_TEST(ends_with(run_program(path(), "search", kNb201 + "--method balenas --memory-limit 300KB --out run"), 2,
                       {"300000", "--memory-limit of at least"}));
  BOOST_TEST(!fs::exists(path() / "run"));
}

BOOST_AUTO_TEST_CASE(the_least_memory_limit_that_a_refusal_names_is_enough_for_the_whole_run) {
  // Maps so large that the evaluation of a whole batch needs more than a step of one image.
  const std::string options =
      "--train-size 64 --test-size 16 --batch-size 32 --score-size 32 --channels 8 --cells 1 --image-size 32 "
      "--epochs 1 --space nasbench201 --method darts --threads 1 --out run --memory-limit ";
  const Outcome refused = run_program(path(), "search", options + "300KB");
  BOOST_TEST(ends_with(refused, 2, {"--memory-limit of at least", "evaluation of 32 images"}));
  const std::string before = "at least ";
  const std::string limit = std::to_string(std::stoull(refused.err.substr(refused.err.find(before) + before.size())));
  BOOST_TEST(ends_with(run_program(path(), "search", options + limit), 0, {"at a time in"}));
}

BOOST_AUTO_TEST_CASE(the_plan_of_bayesnas_counts_its_hessian_pass_which_a_limit_narrows) {
  const std::string options =
      "--train-size 128 --test-size 16 --batch-size 8 --score-size 64 --hessian-size 48 --channels 4 --cells 1 "
      "--image-size 32 --epochs 1 --space nasbench201 --method bayesnas --threads 1 ";
  const auto peak_after = [](const std::string& text, const std::string& mark) {
    return std::stod(text.substr(text.find(mark, text.find("predicted peak")) + mark.size()));
  };
  Outcome plan = run_program(path(), "search", options + "--dry-run");
  BOOST_REQUIRE(ends_with(plan, 0, {}));
  std::erase(plan.out, ',');
  const Outcome done = run_program(path(), "search", options + "--json --out run");
  BOOST_REQUIRE(done.exit_code == 0);
  const double peak = test::summary(done)["peak_bytes"].get<double>();
  BOOST_TEST(peak_after(plan.out, "B ") == peak, boost::test_tools::tolerance(0.05));

  const Outcome refused = run_program(path(), "search", options + "--memory-limit 1MB --out limited");
  BOOST_TEST(ends_with(refused, 2, {"--memory-limit of at least", "Hessian pass of 48 images"}));
  const std::string before = "at least ";
  const std::string limit = std::to_string(std::stoull(refused.err.substr(refused.err.find(before) + before.size())));
  const Outcome limited = run_program(path(), "search", options + "--json --out limited --memory-limit " + limit);
  BOOST_REQUIRE(limited.exit_code == 0);
  BOOST_TEST(test::summary(limited)["peak_bytes"].get<double>() <= std::stod(limit));
  BOOST_TEST(std::stod(limit) < peak);
}

BOOST_AUTO_TEST_CASE(a_search_can_be_stopped_while_it_weighs_its_candidates) {
  Program program(path(), "search",
                  "--train-size 64 --test-size 16 --batch-size 8 --score-size 16 --channels 2 --image-size 8 --cells 1 "
                  "--epochs 1 --space nasbench201 --method balenas-tf --draws 5000 --proxy-size 4 --out run");
  const fs::path lines = path() / "run/metrics.jsonl";
  BOOST_REQUIRE(program.wait_until([&] { return test::contains(content(lines), "\"valid\""); }));
  program.send(SIGTERM);
  BOOST_TEST(ends_with(program.wait(), 75, {"--resume"}));
  BOOST_TEST(!fs::exists(path() / "run/summary.json"));
}

BOOST_AUTO_TEST_CASE(a_faster_rate_moves_the_gates_of_pgnas_further) {
  const auto drop_spread = [&](const std::string& rate) {
    BOOST_REQUIRE(
        run_program(path(), "search", kNb201 + "--method pgnas --threads 1 --out run --overwrite --logit-rate " + rate)
            .exit_code == 0);
    const json last = metrics(path() / "run").back();
    return last["drop_max"].get<double>() - last["drop_min"].get<double>();
  };
  const double slow = drop_spread("1");
  BOOST_TEST(slow > 0.0);
  BOOST_TEST(drop_spread("30") > 5.0 * slow);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused_with_the_reason) {
  BOOST_TEST(ends_with(run_program(path(), "search", kNb201 + "--method darts --table none.csv"), 5, {"none.csv"}));
  write_table(path() / "short.csv", 15000);
  BOOST_TEST(ends_with(run_program(path(), "search", kNb201 + "--method darts --table short.csv"), 5,
                       {"short.csv", "lacks 625 of 15625"}));
  BOOST_TEST(ends_with(run_program(path(), "search", kSizes + "--space darts --method darts --table short.csv"), 2,
                       {"--space nasbench201", "darts"}));
  BOOST_TEST(ends_with(run_program(path(), "search", kNb201 + "--method balenas-tf --proxies synflaw"), 2,
                       {"synflaw", "synflow"}));
  BOOST_TEST(
      ends_with(run_program(path(), "search", kNb201 + "--method darts --arch-fraction 0.05"), 2, {"--arch-fraction"}));
  BOOST_TEST(ends_with(run_program(path(), "search", kNb201 + "--method darts --rank-cells 5"), 2,
                       {"--rank-cells 5", "no --table"}));
  write_table(path() / "table.csv");
  BOOST_TEST(ends_with(run_program(path(), "search", kNb201 + "--method darts --table table.csv --rank-cells 1"), 2,
                       {"--rank-cells 1", "2 at least"}));
  for (const std::string method : {"darts", "bayesnas"})
    BOOST_TEST(ends_with(run_program(path(), "search", kSizes + "--space darts --table table.csv --method " + method),
                         2, {"--table"}));
  BOOST_TEST(
      ends_with(run_program(path(), "search",
                            kSizes + "--channels 2 --space nasbench201 --image-size 10 --cells 1 --method darts"),
                2, {"10x10", "divisible by 4", "--image-size"}));
  BOOST_TEST(ends_with(
      run_program(path(), "search", kSizes + "--space darts --image-size 8 --method balenas-tf --proxies zen"), 2,
      {"zen_score"}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ockham
