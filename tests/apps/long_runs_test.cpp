// What people who train for days ask of a run: checkpoints that stay, several seeds, a disk that fills up. labels: slow
#include <cmath>

#include "tests/apps/program.h"

namespace ockham {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::content;
using test::ends_with;
using test::run_program;
using test::TemporaryFolder;

const std::string kTrain =
    "--genotype DARTS_V1 --train-size 32 --valid-size 16 --test-size 40 --image-size 16 --channels 4 --cells 3 "
    "--batch-size 8 ";

/// A small disk of its own for a test; absent where none can be mounted.
class SmallDisk {
 public:
  explicit SmallDisk(const fs::path& place) : place_(place.string()) {
    fs::create_directory(place);
    is_there_ = run("mount -t tmpfs -o size=40k tmpfs '" + place_ + "'");
  }
  ~SmallDisk() {
    if (is_there_)
      run("umount '" + place_ + "'");
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool is_there() const { return is_there_; }
  void grow(const std::string& size) const {
    BOOST_REQUIRE(run("mount -o remount,size=" + size + " '" + place_ + "'"));
  }

 private:
  static bool run(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()) == 0; }
  std::string place_;
  bool is_there_ = false;
};

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

BOOST_AUTO_TEST_CASE(full_disk_ends_with_one_line_and_the_run_goes_on_when_there_is_room) {
  const SmallDisk disk(path() / "disk");
  if (!disk.is_there())
    return test::skip("no tmpfs can be mounted here: that needs root");
  const std::string options = kTrain + "--epochs 3 --tensorboard ";
  BOOST_REQUIRE(run_program(path(), "train", options + "--out whole").exit_code == 0);
  const auto full = run_program(path(), "train", options + "--out disk/run");
  BOOST_TEST(ends_with(full, 1, {"No space left on device", "make room there"}));
  BOOST_TEST(!test::contains(full.err, "internal error"));
  disk.grow("8m");
  BOOST_REQUIRE(ends_with(run_program(path(), "train", "--resume disk/run"), 0, {}));
  for (const char* checkpoint : {"checkpoints/last.safetensors", "checkpoints/best.safetensors"})
    BOOST_TEST(content(path() / "whole" / checkpoint) == content(path() / "disk/run" / checkpoint));
  BOOST_TEST((test::metrics(path() / "whole") == test::metrics(path() / "disk/run")));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham
