// What the programs give: results on stdout and nothing else there, summaries with the promised fields, files that the
// next program reads.
// labels: slow
#include "tests/apps/program.h"

namespace ockham {
namespace {

using nlohmann::json;
using test::contains;
using test::content;
using test::ends_with;
using test::Outcome;
using test::run_program;
using test::summary;
namespace fs = std::filesystem;

const std::string kData = "--train-size 64 --valid-size 16 --test-size 32 --image-size 16 ";
const std::string kSearch =
    "--train-size 96 --valid-size 16 --test-size 16 --image-size 16 --channels 2 --nodes 2 --cells 3 --batch-size 8 "
    "--warmup-fraction 0.25 --rounds 2 --hessian-size 8 --hessian-refresh 2 --lambda 0.7 --proximal ";

/// A search, once for all tests.
struct Search {
  Search() { outcome = run_program(folder.path(), "search", kSearch + "--json --out search"); }
  static Search& done() {
    static Search search;
    return search;
  }
  test::TemporaryFolder folder;
  Outcome outcome;
};

struct AfterSearch {
  const fs::path& path() const { return Search::done().folder.path(); }
  const Outcome& search = Search::done().outcome;
};

std::vector<std::string> missing(const json& object, const std::vector<std::string>& fields) {
  std::vector<std::string> result;
  for (const std::string& field : fields) {
    if (!object.contains(field))
      result.push_back(field);
  }
  return result;
}

const std::vector<std::string> kNothing;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(results, AfterSearch)

BOOST_AUTO_TEST_CASE(search_leaves_the_promised_files_and_fields) {
  BOOST_REQUIRE(search.exit_code == 0);
  for (const char* file :
       {"run.json", "config.ini", "metrics.jsonl", "genotype.json", "posterior.json", "summary.json", "log.txt",
        "cells/normal.svg", "cells/normal.dot", "cells/reduce.svg", "cells/reduce.dot", "checkpoints/last.safetensors"})
    BOOST_TEST(fs::exists(path() / "search" / file), file);
  const json result = summary(search);
  BOOST_TEST(missing(result, {"method", "space", "dataset", "seed", "seconds", "images_per_second", "peak_bytes",
                              "genotype", "params", "macs", "ops_kept", "supernet_valid_accuracy", "hessian"}) ==
             kNothing);
  BOOST_TEST(missing(result["hessian"], {"mode", "bn", "entries", "seconds", "forward_seconds", "negative"}) ==
             kNothing);
  BOOST_TEST(result == json::parse(content(path() / "search/summary.json")));
  BOOST_TEST(result["genotype"] == json::parse(content(path() / "search/genotype.json")));
  const json posterior = json::parse(content(path() / "search/posterior.json"));
  BOOST_TEST(posterior["format"] == 2);
  BOOST_TEST(posterior["groups"].size() == 2u * 4 * 8);  // 4 edges a cell, each with 7 operations and an origin
  BOOST_TEST(missing(posterior["groups"][0], {"choice", "option", "gamma", "omega", "hessian", "variance", "entropy",
                                              "pruned_round", "kept", "copies"}) == kNothing);
  std::int64_t kept = 0;
  for (const json& group : posterior["groups"])
    kept += group["option"] != "origin" && group["kept"] == 1;
  BOOST_TEST(kept == result["ops_kept"]);
  // Some pruned, some not: 4 edges of 7 operations in either cell.
  BOOST_TEST(result["ops_kept"] > 0);
  BOOST_TEST(result["ops_kept"] < 56);
}

BOOST_AUTO_TEST_CASE(progress_goes_to_stderr_and_quiet_stops_it) {
  BOOST_TEST(contains(search.err, "search: done"));
  BOOST_TEST(!contains(search.out, "search: done"));
  const Outcome quiet = run_program(path(), "search", kSearch + "--quiet --out quiet");
  BOOST_TEST(quiet.err == "");
  BOOST_TEST(contains(quiet.out, "apps/run train"));
  BOOST_TEST(contains(content(path() / "quiet/log.txt"), "search: done"));
}

BOOST_AUTO_TEST_CASE(config_of_a_run_reproduces_it) {
  BOOST_TEST(run_program(path(), "search", "--config search/config.ini --out same").exit_code == 0);
  BOOST_TEST((content(path() / "same/checkpoints/last.safetensors") ==
              content(path() / "search/checkpoints/last.safetensors")));
}

BOOST_AUTO_TEST_CASE(dry_run_prints_a_plan_and_writes_nothing) {
  const test::TemporaryFolder empty;
  const Outcome plan = run_program(empty.path(), "search", kSearch + "--dry-run");
  BOOST_TEST(plan.exit_code == 0);
  for (const char* part : {"weights", "switches", "activations", "Hessian pass", "peak", "estimated time"})
    BOOST_TEST(contains(plan.out, part), part);
  const Outcome train = run_program(empty.path(), "train",
                                    "--genotype DARTS_V2 --channels 2 --cells 3 --batch-size 8 --dry-run " + kData);
  BOOST_TEST(train.exit_code == 0);
  BOOST_TEST(contains(train.out, "parameters"));
  BOOST_TEST(fs::is_empty(empty.path()));
}

BOOST_AUTO_TEST_CASE(predicted_peak_is_within_5_percent_of_the_measured_one) {
  const auto check = [](const std::string& name, const std::string& options) {
    const test::TemporaryFolder folder;
    const std::string plan = run_program(folder.path(), name, options + "--dry-run").out;
    const std::size_t line = plan.find("predicted peak");
    BOOST_REQUIRE(line != std::string::npos);
    const std::size_t begin = plan.find(", ", line) + 2;
    std::string bytes = plan.substr(begin, plan.find(" bytes", begin) - begin);
    std::erase(bytes, ',');
    const json result = summary(run_program(folder.path(), name, options + "--json --out run"));
    BOOST_TEST(std::stod(bytes) == result["peak_bytes"].get<double>(), boost::test_tools::tolerance(0.05));
  };
  check("search",
        "--train-size 96 --test-size 16 --channels 8 --nodes 2 --cells 3 --warmup-epochs 0 --batch-size 32 "
        "--hessian-size 16 ");
  check("search",
        "--train-size 96 --test-size 16 --channels 8 --nodes 2 --cells 3 --warmup-epochs 0 --batch-size 8 "
        "--hessian-size 48 ");
  check("train",
        "--genotype DARTS_V2 --train-size 64 --test-size 16 --channels 8 --cells 5 --epochs 1 --batch-size 32 ");
}

BOOST_AUTO_TEST_CASE(printed_training_line_works_and_evaluate_agrees_with_it) {
  const std::string start = "apps/run train ";
  const std::size_t at = search.out.find(start);
  BOOST_REQUIRE(at != std::string::npos);
  const std::size_t begin = at + start.size();
  const std::string line = search.out.substr(begin, search.out.find('\n', begin) - begin);
  // As printed, with less data and fewer epochs for the test's sake.
  const Outcome train = run_program(path(), "train",
                                    line +
                                        " --train-size 64 --valid-size 16 --test-size 32 --batch-size 8 --channels 2 "
                                        "--cells 3 --epochs 2 --json --out train");
  BOOST_REQUIRE(train.exit_code == 0);
  const json trained = summary(train);
  BOOST_TEST(missing(trained, {"params", "macs", "train_loss", "valid_accuracy", "test_accuracy", "epochs", "seconds",
                               "images_per_second", "peak_bytes"}) == kNothing);

  const Outcome test = run_program(path(), "evaluate", "train --json " + kData);
  BOOST_REQUIRE(test.exit_code == 0);
  for (const char* field : {"test_accuracy", "params", "macs"})
    BOOST_TEST(summary(test)[field] == trained[field], field);
  BOOST_TEST(summary(test)["loss"] == trained["test_loss"]);
  const Outcome valid = run_program(path(), "evaluate", "train --json --split valid --batch-size 5 " + kData);
  BOOST_TEST(summary(valid)["valid_accuracy"] == trained["valid_accuracy"]);
}

BOOST_AUTO_TEST_CASE(hessian_shows_three_columns_and_checks_itself) {
  const Outcome hessian = run_program(path(), "hessian", "search --hessian-size 8 --csv h.csv --json " + kData);
  BOOST_REQUIRE(hessian.exit_code == 0);
  for (const char* column : {"exact", "gauss_newton", "recursion"})
    BOOST_TEST(contains(hessian.out, column), column);
  const json result = summary(hessian);
  BOOST_TEST(result["check"]["entries"] == 10);
  BOOST_TEST(result["check"]["worst"].get<double>() <= 1e-6);
  BOOST_TEST(missing(result, {"gauss_newton", "recursion"}) == kNothing);
  BOOST_TEST(result["gauss_newton"]["spearman"].get<double>() > 0.99);  // R: the two are the same number
  std::istringstream csv(content(path() / "h.csv"));
  std::string line;
  std::int64_t rows = -1;  // less the heading
  for (; std::getline(csv, line); ++rows)
    BOOST_TEST(std::ranges::count(line, ',') == 3);
  BOOST_TEST(rows == result["entries"]);
}

BOOST_AUTO_TEST_CASE(hessian_writes_the_matrix_of_all_switches_and_says_what_is_in_it) {
  for (const std::string name : {"m.csv", "m.npy"}) {
    const Outcome hessian =
        run_program(path(), "hessian",
                    "search --hessian-size 8 --hessian-check 0 --lambda 1e-4 --json --matrix " + name + " " + kData);
    BOOST_REQUIRE(hessian.exit_code == 0);
    const json matrix = summary(hessian)["matrix"];
    BOOST_TEST(matrix["kind"] == "gauss_newton");
    BOOST_TEST(matrix["switches"] == summary(hessian)["entries"]);
    BOOST_TEST(matrix["eigenpairs"].size() == 5u);
    BOOST_TEST(matrix["eigenpairs"][0]["eigenvalue"] >= matrix["eigenpairs"][1]["eigenvalue"]);
    BOOST_TEST(matrix["strengths"].size() == matrix["switches"]);
    BOOST_TEST(contains(hessian.out, "strengths in nats at lambda 0.0001"));
  }
  std::istringstream csv(content(path() / "m.csv"));
  std::string line;
  std::vector<std::ptrdiff_t> columns;
  while (std::getline(csv, line))
    columns.push_back(std::ranges::count(line, ',') + 1);
  BOOST_REQUIRE(!columns.empty());
  BOOST_TEST(std::ranges::all_of(columns, [&](std::ptrdiff_t n) { return n == std::ssize(columns) - 1; }));
  BOOST_TEST(content(path() / "m.npy").substr(1, 5) == "NUMPY");
  BOOST_TEST(ends_with(run_program(path(), "hessian", "search --over weights --matrix m.csv " + kData), 2,
                       {"--matrix", "--over switches"}));
}

BOOST_AUTO_TEST_CASE(hessian_over_weights_takes_either_algorithm) {
  const std::string sizes = kData + "--channels 1 --cells 3 --batch-size 8 --epochs 1 ";
  BOOST_REQUIRE(run_program(path(), "train", "--genotype DARTS_V1 --out tiny " + sizes).exit_code == 0);
  const std::string common = "tiny --over weights --hessian-size 4 --json " + kData;
  const json running = summary(run_program(path(), "hessian", common));
  const json batch = summary(run_program(path(), "hessian", common + "--hessian-bn batch"));
  BOOST_TEST(running["algorithm"] == "R");
  BOOST_TEST(running["negative"] == 0);
  BOOST_TEST(batch["algorithm"] == "F");
  BOOST_TEST(batch["negative"] > 0);  // the statistics of a batch bend the loss
  BOOST_TEST(batch["passes"] == batch["entries"]);
  for (const json& result : {running, batch})
    BOOST_TEST(result["check"]["worst"].get<double>() <= 1e-6);
  const json filters = summary(run_program(path(), "hessian", common + "--grouping filter"));
  BOOST_TEST(filters["entries"] < running["entries"]);
}

BOOST_AUTO_TEST_CASE(interrupted_comparison_goes_on) {
  const std::string options =
      "--genotype DARTS_V1 --random 1 --seeds 1,2 --tolerance 5 --channels 2 --cells 3 --batch-size 8 --epochs 2 "
      "--save-every 2 --json --out compare " +
      kData;
  test::Program program(path(), "compare", options);
  const fs::path second = path() / "compare/found-seed2/metrics.jsonl";
  BOOST_TEST(program.wait_until([&] { return contains(content(second), "\n"); }));
  program.send(SIGTERM);
  BOOST_TEST(program.wait().exit_code == 75);
  const std::string first = content(path() / "compare/found-seed1/run.json");
  const Outcome outcome = run_program(path(), "compare", "--resume compare --json");
  BOOST_REQUIRE(outcome.exit_code == 0);
  BOOST_TEST(content(path() / "compare/found-seed1/run.json") == first);  // was not trained again
  const json facts = summary(outcome), rows = facts["rows"];
  BOOST_TEST(facts["better_than_random"]["mean"].get<double>() ==
                 rows[0]["mean"].get<double>() - rows[1]["mean"].get<double>(),
             boost::test_tools::tolerance(1e-12));
  BOOST_TEST(facts["better_than_random"]["error"].is_null());  // of one random cell
  BOOST_REQUIRE(rows.size() == 3);
  BOOST_TEST(rows[0]["cell"] == "found");
  BOOST_TEST(rows[0]["accuracies"].size() == 2);
  BOOST_TEST(rows[1]["accuracies"].size() == 2);
  BOOST_TEST(contains(content(path() / "compare/random1-seed1/log.txt"), "train: done"));
}

BOOST_AUTO_TEST_CASE(a_finished_search_whose_summary_is_gone_tells_it_again_and_stays_finished) {
  BOOST_REQUIRE(run_program(path(), "search", kSearch + "--out again").exit_code == 0);
  const json before = json::parse(content(path() / "again/summary.json"));
  fs::remove(path() / "again/summary.json");
  BOOST_REQUIRE(run_program(path(), "search", "--resume again").exit_code == 0);
  const json after = json::parse(content(path() / "again/summary.json"));
  for (const char* key : {"genotype", "params", "supernet_valid_accuracy"})
    BOOST_TEST(after[key] == before[key], key);
  const Outcome outcome = run_program(path(), "search", "--resume again");
  BOOST_TEST(outcome.exit_code == 0);
  BOOST_TEST(contains(outcome.out + outcome.err, "nothing is left to do"));
}

BOOST_AUTO_TEST_CASE(the_best_checkpoint_is_that_of_the_highest_validation_accuracy) {
  // At this rate accuracies rise and fall: the best epoch is seldom the last one that is better than another.
  for (const std::string seed : {"2", "3", "5"}) {
    BOOST_REQUIRE(run_program(path(), "train",
                              "--genotype DARTS_V1 --train-size 32 --valid-size 16 --test-size 16 --image-size 16 "
                              "--channels 2 --cells 3 --batch-size 8 --epochs 6 --drop-path-prob 0 --cutout 0 --lr 0.3 "
                              "--schedule constant --out run --overwrite --seed " +
                                  seed)
                      .exit_code == 0);
    double best = 0.0;
    for (const json& line : test::metrics(path() / "run")) {
      if (line["split"] == "valid")
        best = std::max(best, line["top1"].get<double>());
    }
    const Outcome outcome = run_program(path(), "evaluate", "run/checkpoints/best.safetensors --split valid --json");
    BOOST_TEST(test::summary(outcome)["valid_accuracy"] == best, seed);
  }
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham
