// Same seed, same bytes: whatever the number of threads, and wherever a run is killed or stopped and then resumed.
// labels: slow
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

// Two rounds, of which the first prunes some switches; 3 + 9 + 9 steps.
const std::string kSearchSteps =
    "--train-size 96 --valid-size 16 --test-size 16 --image-size 16 --channels 2 --nodes 2 --cells 3 --batch-size 8 "
    "--warmup-fraction 0.25 --rounds 2 --hessian-size 8 --hessian-refresh 2 --proximal --save-every 4 ";
const std::string kSearch = kSearchSteps + "--lambda 0.7 ";
// Four epochs of 4 steps, with everything that draws random numbers.
const std::string kTrain =
    "--genotype DARTS_V1 --train-size 32 --valid-size 16 --test-size 16 --image-size 16 --channels 2 --cells 3 "
    "--batch-size 8 --epochs 4 --drop-path-prob 0.3 --cutout 4 --save-every 3 ";

// Four epochs of 2 steps, with everything that short recipes add.
const std::string kFast =
    "--model speed --width 4 --whiten --train-size 32 --valid-size 16 --test-size 16 --image-size 16 --batch-size 8 "
    "--accumulate 2 --epochs 4 --early-size 12 --early-epochs 2 --schedule one-cycle --nesterov --decay-norms off "
    "--ema 0.9 --flip alternating --crop resized --colour-jitter 0.4 --test-flips translate --save-every 1 ";

/// The last step that a checkpoint knows of; reads a file that is replaced meanwhile, so an unreadable one is 0.
int saved_step(const fs::path& run) {
  const json lengths = json::parse(content(run / "checkpoints/metrics.json"), nullptr, false);
  int step = 0;
  if (lengths.is_object()) {
    for (const auto& [position, length] : lengths.items())
      step = std::max(step, json::parse(position).value("step", 0));
  }
  return step;
}

/// Names of the files that differ between two runs.
std::vector<std::string> differences(const fs::path& a, const fs::path& b, const std::vector<std::string>& files) {
  std::vector<std::string> result;
  for (const std::string& file : files) {
    BOOST_REQUIRE(fs::exists(a / file));
    if (content(a / file) != content(b / file))
      result.push_back(file);
  }
  if (metrics(a) != metrics(b))
    result.push_back("metrics.jsonl");
  return result;
}

const std::vector<std::string> kSearchFiles = {"checkpoints/last.safetensors", "genotype.json", "posterior.json",
                                               "cells/normal.svg"};
const std::vector<std::string> kTrainFiles = {"checkpoints/last.safetensors", "checkpoints/best.safetensors"};

/// Runs an app in FOLDER/run to its end, killing it each time that a checkpoint of one of these steps appears.
void run_with_kills(const fs::path& folder, const std::string& name, const std::string& options,
                    const std::vector<int>& steps) {
  std::string arguments = options + "--out run";
  for (int step : steps) {
    Program program(folder, name, arguments);
    BOOST_TEST(program.wait_until([&] { return saved_step(folder / "run") >= step; }));
    program.send(SIGKILL);
    BOOST_TEST(program.wait().exit_code == 128 + SIGKILL);
    arguments = "--resume run";
  }
  BOOST_TEST(run_program(folder, name, arguments).exit_code == 0);
}

struct Folders {
  TemporaryFolder whole, other;
  fs::path a() const { return whole.path() / "run"; }
  fs::path b() const { return other.path() / "run"; }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(resume)

BOOST_FIXTURE_TEST_CASE(threads_change_no_byte_and_seeds_do, Folders) {
  BOOST_TEST(run_program(whole.path(), "search", kSearch + "--out run --threads 1").exit_code == 0);
  BOOST_TEST(run_program(other.path(), "search", kSearch + "--out run --threads 2").exit_code == 0);
  BOOST_TEST(differences(a(), b(), kSearchFiles) == std::vector<std::string>());
  BOOST_TEST(run_program(other.path(), "search", kSearch + "--out run --overwrite --seed 1").exit_code == 0);
  BOOST_TEST(content(a() / kSearchFiles[0]) != content(b() / kSearchFiles[0]));
}

BOOST_FIXTURE_TEST_CASE(killed_search_resumes_to_the_same_bytes, Folders) {
  BOOST_TEST(run_program(whole.path(), "search", kSearch + "--out run").exit_code == 0);
  run_with_kills(other.path(), "search", kSearch, {1, 7, 15, 18});
  BOOST_TEST(differences(a(), b(), kSearchFiles) == std::vector<std::string>());
}

BOOST_FIXTURE_TEST_CASE(killed_search_by_evidence_resumes_to_the_same_bytes_at_another_number_of_threads, Folders) {
  for (const std::string rule : {"evidence", "joint-evidence"}) {
    const std::string options = kSearchSteps + "--lambda 1e-4 --overwrite --rule " + rule;
    BOOST_TEST(run_program(whole.path(), "search", options + " --threads 1 --out run").exit_code == 0);
    fs::remove_all(b());
    run_with_kills(other.path(), "search", options + " --threads 2 ", {4, 16});
    BOOST_TEST(differences(a(), b(), kSearchFiles) == std::vector<std::string>());
  }
}

BOOST_FIXTURE_TEST_CASE(a_budget_is_met_with_the_same_bytes_at_any_number_of_threads_and_after_kills, Folders) {
  for (const std::string rule : {"entropy", "evidence", "joint-evidence"}) {
    const std::string options =
        kSearchSteps + "--lambda 1e-4 --overwrite --max-params 110000 --max-macs 3600000 --rule " + rule;
    BOOST_TEST(run_program(whole.path(), "search", options + " --threads 1 --out run").exit_code == 0);
    fs::remove_all(b());
    run_with_kills(other.path(), "search", options + " --threads 2 ", {4, 16});
    BOOST_TEST(differences(a(), b(), kSearchFiles) == std::vector<std::string>());
    const json summary = json::parse(content(a() / "summary.json"));
    BOOST_TEST(summary["params"] <= 110000);
    BOOST_TEST(summary["macs"] <= 3600000);
    BOOST_TEST(content(a() / "report.html").find("Sparsity to order") != std::string::npos);
  }
}

BOOST_FIXTURE_TEST_CASE(a_search_refused_for_its_budget_goes_on_with_another_as_if_it_had_had_that_one, Folders) {
  const std::string options = kSearchSteps + "--lambda 1e-4 --rule evidence --max-params ";
  BOOST_TEST(run_program(whole.path(), "search", options + "60000 --out run").exit_code == 0);
  const Outcome refused = run_program(other.path(), "search", options + "10 --out run");
  BOOST_TEST(ends_with(refused, 2, {"none of", "--resume DIR and --max-params"}));
  BOOST_TEST(run_program(other.path(), "search", "--resume run --max-params 60000").exit_code == 0);
  BOOST_TEST(differences(a(), b(), kSearchFiles) == std::vector<std::string>());
  BOOST_TEST(ends_with(run_program(other.path(), "search", "--resume run --max-params 15000"), 0, {"finished"}));
}

BOOST_FIXTURE_TEST_CASE(killed_training_resumes_to_the_same_bytes, Folders) {
  BOOST_TEST(run_program(whole.path(), "train", kTrain + "--out run").exit_code == 0);
  run_with_kills(other.path(), "train", kTrain, {1, 4, 9, 12});
  BOOST_TEST(differences(a(), b(), kTrainFiles) == std::vector<std::string>());
}

BOOST_FIXTURE_TEST_CASE(killed_short_recipe_resumes_to_the_same_bytes_at_another_number_of_threads, Folders) {
  BOOST_TEST(run_program(whole.path(), "train", kFast + "--out run --threads 1").exit_code == 0);
  run_with_kills(other.path(), "train", kFast + "--threads 2 ", {1, 3, 4, 6});
  BOOST_TEST(differences(a(), b(), kTrainFiles) == std::vector<std::string>());
}

BOOST_FIXTURE_TEST_CASE(runs_with_bfloat16_maps_resume_to_the_same_bytes_at_any_number_of_threads, Folders) {
  const std::string options = kSearch + "--precision bf16 ";
  BOOST_TEST(run_program(whole.path(), "search", options + "--out run --threads 1").exit_code == 0);
  run_with_kills(other.path(), "search", options + "--threads 2 ", {4, 18});
  BOOST_TEST(differences(a(), b(), kSearchFiles) == std::vector<std::string>());
}

BOOST_FIXTURE_TEST_CASE(killed_runs_in_micro_batches_resume_to_the_same_bytes, Folders) {
  // The limit that a refusal names leaves room for few images at a time. In a network as small as this the scratch of a
  // second thread, which may or may not come to be, would decide how many.
  const std::string one_thread = kTrain + "--threads 1 ";
  const std::string refusal = run_program(whole.path(), "train", one_thread + "--memory-limit 500KB").err;
  const std::string before = "at least ";
  const std::size_t at = refusal.find(before);
  BOOST_REQUIRE(at != std::string::npos);
  const std::string limit = std::to_string(std::stoull(refusal.substr(at + before.size())));
  const std::string split = one_thread + "--memory-limit " + limit + ' ';
  BOOST_TEST(ends_with(run_program(whole.path(), "train", split + "--out run"), 0, {"at a time in"}));
  run_with_kills(other.path(), "train", split, {1, 9});
  BOOST_TEST(differences(a(), b(), kTrainFiles) == std::vector<std::string>());
}

BOOST_FIXTURE_TEST_CASE(run_killed_before_its_first_checkpoint_starts_over, Folders) {
  BOOST_TEST(run_program(whole.path(), "train", kTrain + "--out run").exit_code == 0);
  Program program(other.path(), "train", kTrain + "--out run");
  BOOST_TEST(program.wait_until([&] { return fs::exists(b() / "metrics.jsonl"); }));
  program.send(SIGKILL);
  program.wait();
  BOOST_TEST(run_program(other.path(), "train", "--resume run --threads 1").exit_code == 0);
  BOOST_TEST(json::parse(content(b() / "run.json"))["options"]["threads"] == 1);
  BOOST_TEST(differences(a(), b(), kTrainFiles) == std::vector<std::string>());
}

BOOST_FIXTURE_TEST_CASE(sigterm_ends_with_75_and_a_checkpoint, Folders) {
  BOOST_TEST(run_program(whole.path(), "search", kSearch + "--out run").exit_code == 0);
  Program program(other.path(), "search", kSearch + "--out run");
  BOOST_TEST(program.wait_until([&] { return test::contains(content(b() / "metrics.jsonl"), "\n"); }));
  program.send(SIGTERM);
  BOOST_TEST(ends_with(program.wait(), 75, {"--resume run"}));
  BOOST_TEST(json::parse(content(b() / "run.json"))["exit"] == 75);
  BOOST_TEST(run_program(other.path(), "search", "--resume run").exit_code == 0);
  BOOST_TEST(differences(a(), b(), kSearchFiles) == std::vector<std::string>());
}

BOOST_AUTO_TEST_CASE(finished_run_is_left_as_it_is) {
  const TemporaryFolder folder;
  for (const auto& [name, options] : {std::pair{"search", kSearch}, std::pair{"train", kTrain}}) {
    const Outcome first = run_program(folder.path(), name, options + "--json --out " + name);
    const std::string checkpoint = content(folder.path() / name / "checkpoints/last.safetensors");
    const std::vector<json> lines = metrics(folder.path() / name);
    const Outcome again = run_program(folder.path(), name, "--json --resume " + std::string(name));
    BOOST_TEST(ends_with(again, 0, {"finished"}));
    BOOST_TEST(test::summary(again) == test::summary(first));
    BOOST_TEST(content(folder.path() / name / "checkpoints/last.safetensors") == checkpoint);
    BOOST_TEST((metrics(folder.path() / name) == lines));
  }
}

BOOST_AUTO_TEST_CASE(resuming_takes_no_other_app_and_no_other_options) {
  const TemporaryFolder folder;
  BOOST_TEST(run_program(folder.path(), "train", kTrain + "--out run").exit_code == 0);
  BOOST_TEST(ends_with(run_program(folder.path(), "search", "--resume run"), 2, {"run/config.ini", "genotype"}));
  BOOST_TEST(ends_with(run_program(folder.path(), "train", "--resume run --lr 1"), 2, {"--lr"}));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham
