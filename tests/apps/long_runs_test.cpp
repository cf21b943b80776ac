// What people who train for days ask of a run: checkpoints as often as they like, some that stay, several seeds.
// labels: slow
#include <cmath>

#include "tests/apps/program.h"

namespace ockham {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::content;
using test::ends_with;
using test::Program;
using test::run_program;
using test::TemporaryFolder;

const std::string kTrain =
    "--genotype DARTS_V1 --train-size 32 --valid-size 16 --test-size 40 --image-size 16 --channels 4 --cells 3 "
    "--batch-size 8 ";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(long_runs, TemporaryFolder)

BOOST_AUTO_TEST_CASE(checkpoints_of_every_second_epoch_stay_and_can_be_tested) {
  BOOST_REQUIRE(run_program(path(), "train", kTrain + "--epochs 5 --keep-every 2 --out run").exit_code == 0);
  for (int epoch = 1; epoch <= 5; ++epoch)
    BOOST_TEST(fs::exists(path() / "run/checkpoints" / ("epoch-" + std::to_string(epoch) + ".safetensors")) ==
               (epoch % 2 == 0));
  BOOST_TEST(content(path() / "run/checkpoints/epoch-4.safetensors") !=
             content(path() / "run/checkpoints/last.safetensors"));
  // A kept one is what a run of that many epochs, under the same schedule, had at its end.
  BOOST_TEST(ends_with(run_program(path(), "evaluate", "run/checkpoints/epoch-4.safetensors --json"), 0, {}));
}

BOOST_AUTO_TEST_CASE(the_clock_saves_between_steps) {
  const std::string diverges = kTrain + "--epochs 1 --lr 1e30 --save-every 1000 ";
  BOOST_TEST(run_program(path(), "train", diverges + "--out a").exit_code == 4);
  BOOST_TEST(!fs::exists(path() / "a/checkpoints/last.safetensors"));
  BOOST_TEST(run_program(path(), "train", diverges + "--out b --save-every-minutes 1e-9").exit_code == 4);
  BOOST_TEST(fs::exists(path() / "b/checkpoints/last.safetensors"));
}

BOOST_AUTO_TEST_CASE(epochs_between_checkpoints_are_counted_and_neither_stop_nor_end_goes_unsaved) {
  const fs::path last = path() / "run/checkpoints/last.safetensors";
  const std::string rare = kTrain + "--save-every 0 --save-every-epochs 1000 ";
  const auto lines = [&](const char* run) { return std::ranges::count(content(path() / run / "metrics.jsonl"), '\n'); };
  {
    Program train(path(), "train", rare + "--epochs 100000 --out run");
    BOOST_REQUIRE(train.wait_until([&] { return lines("run") >= 6; }));  // of three epochs, two each
    BOOST_TEST(!fs::exists(last));
    BOOST_TEST(fs::exists(path() / "run/checkpoints/best.safetensors"));
    train.send(SIGTERM);
    BOOST_TEST(train.wait().exit_code == 75);
    BOOST_TEST(fs::exists(last));
  }
  // A kill goes back to the last that was saved, here to the start, and the end is that of a run without any.
  BOOST_REQUIRE(run_program(path(), "train", kTrain + "--epochs 5 --out whole").exit_code == 0);
  {
    Program train(path(), "train", rare + "--epochs 5 --out killed");
    BOOST_REQUIRE(train.wait_until([&] { return lines("killed") >= 2; }));
    train.send(SIGKILL);
    train.wait();
  }
  BOOST_REQUIRE(run_program(path(), "train", "--resume killed --save-every-epochs 2").exit_code == 0);
  for (const char* name : {"last.safetensors", "best.safetensors"})
    BOOST_TEST(content(path() / "killed/checkpoints" / name) == content(path() / "whole/checkpoints" / name), name);
  BOOST_TEST((test::metrics(path() / "killed") == test::metrics(path() / "whole")));
}

BOOST_AUTO_TEST_CASE(several_seeds_tell_how_they_scatter) {
  const auto several = run_program(path(), "train", kTrain + "--epochs 1 --seeds 1,2 --out run --json");
  BOOST_REQUIRE(several.exit_code == 0);
  const auto longer = run_program(path(), "train", "--resume run --seeds 1,2,3 --json");
  BOOST_REQUIRE(longer.exit_code == 0);
  const json summary = test::summary(longer);
  std::vector<double> values;
  for (const char* seed : {"seed-1", "seed-2", "seed-3"})
    values.push_back(json::parse(content(path() / "run" / seed / "summary.json"))["test_loss"]);
  const double mean = (values[0] + values[1] + values[2]) / 3;
  double squares = 0.0;
  for (const double value : values)
    squares += (value - mean) * (value - mean);
  const json& spread = summary["spread"]["test_loss"];
  BOOST_TEST(spread["n"] == 3);
  const auto tolerance = boost::test_tools::tolerance(1e-12);
  BOOST_TEST(spread["mean"].get<double>() == mean, tolerance);
  BOOST_TEST(summary["test_loss"].get<double>() == mean, tolerance);
  BOOST_TEST(spread["sd"].get<double>() == std::sqrt(squares / 2), tolerance);
  BOOST_TEST(spread["min"].get<double>() == std::ranges::min(values));
  BOOST_TEST(spread["max"].get<double>() == std::ranges::max(values));
  BOOST_TEST(test::contains(longer.out, "n 3, mean "));
  BOOST_TEST(test::contains(content(path() / "run/report.html"), "<td>test_loss</td><td>3</td>"));
  // Each is what it would have been alone.
  BOOST_REQUIRE(run_program(path(), "train", kTrain + "--epochs 1 --seed 2 --out alone").exit_code == 0);
  BOOST_TEST(content(path() / "alone/checkpoints/last.safetensors") ==
             content(path() / "run/seed-2/checkpoints/last.safetensors"));
}

BOOST_AUTO_TEST_CASE(seeds_that_make_no_sense_are_refused) {
  const auto refused = [&](const std::string& options, std::initializer_list<std::string_view> parts) {
    return ends_with(run_program(path(), "train", kTrain + "--epochs 1 " + options), 2, parts);
  };
  BOOST_TEST(refused("--seeds 1,1 --out a", {"twice"}));
  BOOST_TEST(refused("--seeds 1,x --out a", {"'x'"}));
  BOOST_TEST(refused("--seeds 1,2 --seed 3 --out a", {"name all in --seeds"}));
  BOOST_TEST(!fs::exists(path() / "a"));
  BOOST_REQUIRE(run_program(path(), "train", kTrain + "--epochs 1 --out one").exit_code == 0);
  BOOST_TEST(ends_with(run_program(path(), "train", "--resume one --seeds 1,2"), 2, {"holds one training"}));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham
