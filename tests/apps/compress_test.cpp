// Networks made smaller, from their training to the small network's test elsewhere.
#include "apps/compress/sweep.h"
#include "tests/apps/program.h"

namespace ockham {
namespace {

using nlohmann::json;
using test::contains;
using test::content;
using test::ends_with;
using test::Outcome;
using test::run_program;
namespace fs = std::filesystem;

const std::string kImages =
    "--dataset shapes --image-size 16 --train-size 256 --valid-size 32 --test-size 64 --batch-size 16 ";
const std::string kCycles =
    kImages + "--epochs 1 --lr 0.02 --cutout 0 --cycles 2 --fine-epochs 1 --hessian-size 32 --seed 3 --save-every 1 ";
const std::string kCompress = kCycles + "--model lenet5-caffe ";
/// But for its epochs and where it starts.
const std::string kOnce = kImages + "--lr 0.02 --cutout 0 --cycles 1 --rule magnitude --seed 3 ";

json summary_in(const fs::path& run) {
  return json::parse(content(run / "summary.json"));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(compress, test::TemporaryFolder)

BOOST_AUTO_TEST_CASE(the_small_network_does_what_the_masked_one_did_and_other_programs_take_it) {
  const Outcome outcome = run_program(path(), "compress", kCompress + "--max-params 20000 --out run --json");
  BOOST_TEST(ends_with(outcome, 0, {}));
  const json summary = summary_in(path() / "run");
  BOOST_TEST(summary["params"].get<double>() <= 20000.0);
  BOOST_TEST(summary["params_dense"].get<double>() > 50000.0);
  BOOST_TEST(summary["test_accuracy"] == summary["test_accuracy_masked"]);
  BOOST_TEST(summary["logit_gap"].get<double>() < 1e-5);

  const Outcome tested = run_program(path(), "evaluate", "run/small.safetensors --json");
  BOOST_TEST(test::summary(tested)["accuracy"] == summary["test_accuracy"]);
  BOOST_TEST(test::summary(tested)["params"] == summary["params"]);
  BOOST_TEST(test::summary(tested)["macs"] == summary["macs"]);
  BOOST_TEST(ends_with(run_program(path(), "export", "run/small.safetensors --out small.onnx"), 0, {}));
  BOOST_TEST(fs::file_size(path() / "small.onnx") < 4u * 21000u + 20000u);
  BOOST_TEST(fs::file_size(path() / "run/small.safetensors") < 4u * 21000u + 20000u);
}

BOOST_AUTO_TEST_CASE(a_page_shows_sizes_cycles_layers_and_filters) {
  BOOST_TEST(ends_with(run_program(path(), "compress", kCompress + "--max-params 20000 --out run"), 0, {}));
  const std::string page = content(path() / "run/report.html");
  for (const char* text : {"Compression", "Accuracy against size", "Layers", "What the first layer looks at"})
    BOOST_TEST(contains(page, text));
  const json facts = json::parse(content(path() / "run/compression.json"));
  BOOST_TEST(facts["points"].size() == 3u);  // before the first cycle and after both
  BOOST_TEST(facts["points"][0]["params"] == facts["dense"]["params"]);
  BOOST_TEST(facts["points"][2]["params"].get<double>() <= 20000.0);
  BOOST_TEST(!facts["pictures"].empty());
}

BOOST_AUTO_TEST_CASE(a_compression_gives_the_same_bytes_at_any_thread_count_and_after_a_kill) {
  const std::string options = kCompress + "--max-params 20000 ";
  for (const std::string threads : {"1", "2"})
    BOOST_TEST(
        ends_with(run_program(path(), "compress", options + "--out run" + threads + " --threads " + threads), 0, {}));
  const auto bytes = [&](const std::string& run) { return content(path() / run / "small.safetensors"); };
  BOOST_TEST(!bytes("run1").empty());
  BOOST_TEST((bytes("run1") == bytes("run2")));

  test::Program program(path(), "compress", options + "--out cut");
  program.wait_until([&] { return contains(content(path() / "cut/log.txt"), "cycle 1/2"); });
  program.send(SIGKILL);
  program.wait();
  BOOST_TEST(ends_with(run_program(path(), "compress", "--resume cut"), 0, {}));
  BOOST_TEST((bytes("cut") == bytes("run1")));
  BOOST_TEST(content(path() / "cut/checkpoints/last.safetensors") ==
             content(path() / "run1/checkpoints/last.safetensors"));
}

BOOST_AUTO_TEST_CASE(a_network_of_cells_is_compressed_from_its_checkpoint) {
  const std::string cells = kImages + "--channels 4 --cells 3 --drop-path-prob 0 --cutout 0 ";
  BOOST_TEST(
      ends_with(run_program(path(), "train", cells + "--genotype DARTS_V2 --epochs 1 --lr 0.1 --out trained"), 0, {}));
  const Outcome outcome =
      run_program(path(), "compress",
                  "--checkpoint trained --epochs 0 --cycles 1 --fine-epochs 1 --batch-size 16 --lr 0.1 "
                  "--cutout 0 --drop-path-prob 0 --hessian-size 32 --max-macs 200000 --out run");
  BOOST_TEST(ends_with(outcome, 0, {}));
  const json summary = summary_in(path() / "run");
  BOOST_TEST(summary["macs"].get<double>() < 0.8 * summary["macs_dense"].get<double>());
  const Outcome tested = run_program(path(), "evaluate", "run/small.safetensors --json");
  BOOST_TEST(test::summary(tested)["accuracy"] == summary["test_accuracy"]);
}

BOOST_AUTO_TEST_CASE(a_network_is_pruned_to_a_latency_and_a_killed_run_keeps_what_was_decided) {
  const std::string options = kOnce + "--model lenet300 --epochs 1 --fine-epochs 2 --threads 1 --latency-batch 100 ";
  BOOST_TEST(ends_with(run_program(path(), "compress", options + "--max-latency 1e9 --out whole"), 0, {}));
  const json whole = summary_in(path() / "whole");
  BOOST_TEST(whole["params"] == whole["params_dense"]);
  const double budget = 0.2 * whole["milliseconds_limited_dense"].get<double>();

  test::Program program(path(), "compress", options + "--out cut --max-latency " + std::to_string(budget));
  BOOST_REQUIRE(program.wait_until([&] { return contains(content(path() / "cut/log.txt"), "fine, epoch 1/2"); }));
  program.send(SIGKILL);
  program.wait();
  fs::copy(path() / "cut", path() / "copy", fs::copy_options::recursive);
  BOOST_TEST(ends_with(run_program(path(), "compress", "--resume cut --max-latency 1"), 2, {"only a sweep"}));
  for (const std::string run : {"cut", "copy"})
    BOOST_TEST(ends_with(run_program(path(), "compress", "--resume " + run), 0, {}));
  BOOST_TEST((content(path() / "cut/small.safetensors") == content(path() / "copy/small.safetensors")));
  const json small = summary_in(path() / "cut");
  BOOST_TEST(small["milliseconds_limited"].get<double>() <= budget);
  BOOST_TEST(small["milliseconds_limited"] == summary_in(path() / "copy")["milliseconds_limited"]);
  BOOST_TEST(small["params"].get<double>() < small["params_dense"].get<double>());
  BOOST_TEST(contains(content(path() / "cut/report.html"), "milliseconds, as limited"));
}

BOOST_AUTO_TEST_CASE(a_sweep_compresses_one_dense_network_to_every_budget) {
  const std::string train = "--model lenet300 --epochs 1 ";
  const Outcome outcome =
      run_program(path(), "compress", kOnce + train + "--max-params 20000,10000 --out sweep --json");
  BOOST_TEST(ends_with(outcome, 0, {}));
  BOOST_TEST(contains(outcome.out, "| params-10000 |"));
  const json sweep = test::summary(outcome), points = sweep["points"];
  BOOST_TEST(sweep == json::parse(content(path() / "sweep/sweep.json")));
  BOOST_REQUIRE(points.size() == 3u);
  const json dense = summary_in(path() / "sweep/dense");
  BOOST_TEST(points[0]["run"] == "dense");
  for (const char* fact : {"params", "macs", "valid_accuracy", "test_accuracy"})
    BOOST_TEST(points[0][fact] == dense[fact]);
  BOOST_TEST(sweep["judged_by"] == "valid_accuracy");
  BOOST_TEST(points[1]["params"].get<double>() <= 20000.0);
  BOOST_TEST(points[1]["params"].get<double>() > 10000.0);
  BOOST_TEST(points[2]["params"].get<double>() <= 10000.0);
  BOOST_TEST(points[2]["on_front"] == true);  // none is smaller
  BOOST_TEST(contains(content(path() / "sweep/report.html"), "Accuracy against size"));

  // Each is what it would have been alone.
  const std::string alone = kOnce + "--checkpoint sweep/dense --epochs 0 --max-params 10000 --out alone";
  BOOST_TEST(ends_with(run_program(path(), "compress", alone), 0, {}));
  BOOST_TEST((content(path() / "alone/small.safetensors") == content(path() / "sweep/params-10000/small.safetensors")));
}

BOOST_AUTO_TEST_CASE(a_plan_of_a_sweep_tells_of_the_dense_network_and_of_its_compression) {
  const std::string options = kOnce + "--model lenet300 --epochs 1 --max-params 20000,10000 ";
  const Outcome outcome = run_program(path(), "compress", options + "--out sweep --dry-run");
  BOOST_TEST(ends_with(outcome, 0, {}));
  const std::size_t compression = outcome.out.find("its compression, once for each of 2 budgets");
  BOOST_REQUIRE(compression != std::string::npos);
  BOOST_TEST(contains(outcome.out.substr(0, compression), "peak"));
  BOOST_TEST(contains(outcome.out.substr(compression), "peak"));
  BOOST_TEST(!contains(outcome.err, "has no effect"), "of options that nobody gave: " << outcome.err);
  BOOST_TEST(!fs::exists(path() / "sweep"));
}

BOOST_AUTO_TEST_CASE(a_point_is_on_the_front_unless_another_is_as_good_in_both_and_better_in_one) {
  const auto on_front = [](std::initializer_list<std::pair<double, double>> pairs) {
    nlohmann::ordered_json points;
    for (const auto& [size, accuracy] : pairs)
      points.push_back({{"params", size}, {"valid_accuracy", accuracy}});
    apps::mark_front(points, "params", "valid_accuracy");
    std::vector<bool> result;
    for (const auto& point : points)
      result.push_back(point["on_front"].get<bool>());
    return result;
  };
  BOOST_TEST(on_front({{3, 0.9}, {2, 0.8}, {1, 0.7}}) == (std::vector{true, true, true}));
  BOOST_TEST(on_front({{3, 0.9}, {2, 0.9}, {1, 0.7}}) == (std::vector{false, true, true}));
  BOOST_TEST(on_front({{3, 0.9}, {2, 0.8}, {2, 0.7}}) == (std::vector{true, true, false}));
  BOOST_TEST(on_front({{2, 0.8}, {2, 0.8}, {1, 0.9}}) == (std::vector{false, false, true}));
  BOOST_TEST(on_front({{2, 0.8}, {2, 0.8}}) == (std::vector{true, true}));
}

BOOST_AUTO_TEST_CASE(a_sweep_goes_on_after_a_kill_and_takes_more_budgets) {
  const std::string options = kOnce + "--model lenet300 --epochs 1 --max-params 20000,10000 ";
  test::Program program(path(), "compress", options + "--out sweep");
  BOOST_REQUIRE(program.wait_until([&] { return contains(content(path() / "sweep/params-20000/log.txt"), "cycle"); }));
  program.send(SIGKILL);
  program.wait();
  BOOST_TEST(ends_with(run_program(path(), "compress", "--resume sweep"), 0, {}));
  const std::string first = content(path() / "sweep/params-20000/run.json");
  BOOST_TEST(ends_with(run_program(path(), "compress", "--resume sweep --max-params 20000,10000,5000"), 0, {}));
  BOOST_TEST((content(path() / "sweep/params-20000/run.json") == first));
  BOOST_TEST(contains(content(path() / "sweep/config.ini"), "max-params = 20000,10000,5000"));
  const json points = json::parse(content(path() / "sweep/sweep.json"))["points"];
  BOOST_REQUIRE(points.size() == 4u);
  BOOST_TEST(points[3]["params"].get<double>() <= 5000.0);
  BOOST_TEST(ends_with(run_program(path(), "compress", "--resume sweep --max-params 5000"), 2, {"only a sweep"}));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_compressed_is_refused_before_there_is_a_folder) {
  int runs = 0;
  const auto refuses = [&](const std::string& options, int code, std::initializer_list<std::string_view> texts) {
    const std::string out = "no" + std::to_string(++runs);
    BOOST_TEST(ends_with(run_program(path(), "compress", options + " --out " + out), code, texts));
    BOOST_TEST(!fs::exists(path() / out));
  };
  refuses(kCompress + "--pattern squares", 2, {"squares"});
  refuses(kCompress + "--rule obd", 2, {"no threshold", "--max-params"});
  refuses(kCompress + "--max-params 100 --max-macs 100", 2, {"drop one of them"});
  refuses(kCycles + "--model lenet300 --pattern filter", 2, {"filter"});
  refuses(kCycles + "--model lenet5", 2, {"tangent sweeps", "--curvature gauss-newton"});
  refuses(kCompress + "--max-params 3", 2, {"budget of 3"});
  refuses(kCompress + "--max-params 20000,0", 2, {"holds '0'"});
  refuses(kCompress + "--max-params 20000,20000", 2, {"twice"});
  refuses(kCompress + "--max-latency 1,2 --max-macs 3", 2, {"--max-macs 3 and --max-latency 1,2", "drop one of them"});
  refuses(kCompress + "--max-latency 1e-9", 2, {"milliseconds are left, more than the budget of 1e-09"});
  refuses(kCompress + "--latency-batch 2", 2, {"there is no such limit"});
  refuses(kCompress + "--max-params 20000,3", 2, {"budget of 3"});
  const std::string train = kImages + "--epochs 0 --channels 4 --cells 3 --genotype DARTS_V2 --out trained";
  BOOST_TEST(ends_with(run_program(path(), "train", train), 0, {}));
  refuses("--checkpoint trained --epochs 1 --max-params 2000,1000", 2, {"--epochs 1", "as it is"});
  refuses("--checkpoint trained --epochs 0 --dataset cifar10 --data .", 5, {});
  refuses("--checkpoint trained --epochs 0 --image-size 32", 2, {"the network takes 3x16x16"});
  std::ofstream(path() / "bad.safetensors") << "nothing";
  refuses("--checkpoint bad.safetensors --epochs 0 --dataset shapes", 6, {"bad.safetensors"});
}

BOOST_AUTO_TEST_CASE(a_rule_that_would_take_all_is_refused) {
  const Outcome outcome = run_program(path(), "compress", kCompress + "--nats 1e15 --most 1 --out run");
  BOOST_TEST(ends_with(outcome, 2, {"redundant", "lower"}));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham
