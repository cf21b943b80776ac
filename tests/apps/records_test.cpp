// Records of one's own, and the mean and deviation that a run measures of them: every program that looks at the run's
// network afterwards takes those of the run.
#include <cmath>
#include <set>

#include "tests/apps/program.h"
#include "tests/data/samples.h"

namespace ockham {
namespace {

using namespace test;
namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kForm = "--dataset records --image-size 8 --label-bytes 2 --threads 1 ";
const std::string kNetwork = std::string(kForm) + "--channels 2 --batch-size 4 --epochs 1 --cutout 0 ";

/// train.bin and val.bin with `images` records of three classes, dark ones or bright ones.
void write_parts(const fs::path& dir, int images, int first) {
  for (const char* part : {"train.bin", "val.bin"}) {
    Bytes bytes;
    for (int i = 0; i < images; ++i) {
      const Bytes next = record({77, static_cast<std::uint8_t>(i % 3)}, 3 * 8 * 8, 0);
      bytes.insert(bytes.end(), next.begin(), next.begin() + 2);
      for (int p = 0; p < 3 * 8 * 8; ++p)
        bytes.push_back(static_cast<std::uint8_t>(first + (i * 31 + p * 7) % 64));
    }
    write_bytes(dir / part, bytes);
  }
  write_text(dir / "classes.txt", "0\ta\tcat\n1\tb\tdog\n2\tc\tred fox\n");
}

struct Place : TemporaryFolder {
  Place() {
    write_parts(path() / "dark", 12, 0);
    write_parts(path() / "bright", 12, 190);
  }
  Outcome run(const std::string& name, const std::string& arguments) const {
    return run_program(path(), name, arguments);
  }
  Outcome train(const std::string& more) const {
    return run("train", kNetwork + "--data dark --genotype DARTS_V2 --cells 2 --drop-path-prob 0 --out run " + more);
  }
  Json data_of_run() const { return Json::parse(content(path() / "run/run.json"))["data"]; }
};

double mean_of(const Json& data) {
  return data["normalisation"]["mean"][0];
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(records, Place)

BOOST_AUTO_TEST_CASE(verify_shows_names_counts_mean_and_deviation) {
  const Outcome outcome = run("dataset", "verify --dataset records --data dark --image-size 8 --label-bytes 2 --json");
  BOOST_TEST(outcome.exit_code == 0, outcome.err);
  BOOST_TEST(contains(outcome.out, "train: 12 images of 3 x 8 x 8, 3 classes"));
  BOOST_TEST(contains(outcome.out, "red fox: 4"));
  BOOST_TEST(contains(outcome.out, "  mean 0.1"));
  BOOST_TEST(std::abs(mean_of(summary(outcome)["train"]) - 0.1235) < 0.005);
  BOOST_TEST(ends_with(run("dataset", "verify --dataset records --data dark --image-size 8"), 5,
                       {"train.bin", "2328 bytes", "record size 193"}));
  BOOST_TEST(ends_with(run("dataset", "verify --dataset records --data dark"), 2, {"image size"}));
  BOOST_TEST(ends_with(run("dataset", "info --dataset records"), 0, {}));
}

BOOST_AUTO_TEST_CASE(search_trains_on_them) {
  const Outcome outcome = run(
      "search", std::string(kForm) +
                    "--data dark --train-size 12 --valid-size 0 --test-size 0 --channels 2 --cells 1 --batch-size 4 "
                    "--epochs 1 --method darts --space nasbench201 --score-size 4 --out found");
  BOOST_TEST(outcome.exit_code == 0, outcome.err);
  BOOST_TEST(contains(outcome.err, "images are normalised by mean 0.1"));
}

BOOST_AUTO_TEST_CASE(what_a_run_measured_is_what_its_network_is_tested_with) {
  BOOST_TEST(train("").exit_code == 0);
  const double mean = mean_of(data_of_run());
  BOOST_TEST(std::abs(mean - 0.1235) < 0.005);
  const Outcome own = run("evaluate", "run --json");
  BOOST_TEST(own.exit_code == 0, own.err);
  BOOST_TEST(mean_of(summary(own)["data"]) == mean);
  const Outcome others = run("evaluate", "run --data bright --json");
  BOOST_TEST(others.exit_code == 0, others.err);
  BOOST_TEST(mean_of(summary(others)["data"]) == mean);
  fs::copy_file(path() / "run/checkpoints/last.safetensors", path() / "alone.safetensors");
  const Outcome alone = run("evaluate", std::string("alone.safetensors --data dark --json ") + kForm);
  BOOST_TEST(alone.exit_code == 0, alone.err);
  BOOST_TEST(summary(alone)["loss"] == summary(own)["loss"]);
  const Outcome imagenet = run("evaluate", "run --normalisation imagenet --json");
  BOOST_TEST(mean_of(summary(imagenet)["data"]) == 0.485);
  BOOST_TEST(summary(imagenet)["loss"] != summary(own)["loss"]);
  for (const char* from : {"run", "alone.safetensors"}) {
    BOOST_TEST(run("export", std::string(from) + " --out net.onnx --overwrite").exit_code == 0);
    BOOST_TEST(contains(content(path() / "net.onnx"), data_of_run()["normalisation"]["mean"].dump()));
  }
}

BOOST_AUTO_TEST_CASE(resumed_run_keeps_its_mean_and_refuses_other_records) {
  BOOST_TEST(train("--save-every 1").exit_code == 0);
  const std::string checkpoint = content(path() / "run/checkpoints/last.safetensors");
  const Json facts = data_of_run();
  BOOST_TEST(run("train", "--resume run").exit_code == 0);
  BOOST_TEST((data_of_run() == facts));
  BOOST_TEST(content(path() / "run/checkpoints/last.safetensors") == checkpoint);
  write_parts(path() / "dark", 12, 1);
  BOOST_TEST(ends_with(run("train", "--resume run"), 5, {"the data are not those of the run"}));
  Json whole = Json::parse(content(path() / "run/run.json"));
  whole["data"]["normalisation"]["std"][0] = 0;
  write_text(path() / "run/run.json", whole.dump());
  BOOST_TEST(ends_with(run("train", "--resume run"), 6, {"normalisation of channel 0", "deviation 0"}));
  whole["data"]["normalisation"]["std"] = {0.5};
  write_text(path() / "run/run.json", whole.dump());
  BOOST_TEST(ends_with(run("train", "--resume run"), 6, {"3 means and 1 deviations for 3 channels"}));
  whole["data"].erase("normalisation");
  whole["data"]["name"] = "recods";
  write_text(path() / "run/run.json", whole.dump());
  BOOST_TEST(ends_with(run("train", "--resume run"), 6, {"data set 'recods'"}));
}

BOOST_AUTO_TEST_CASE(sample_lists_classes_in_order_of_the_grid_and_augments) {
  const std::string what =
      "sample --dataset records --data dark --image-size 8 --label-bytes 2 --count 5 --columns 3 --json ";
  const Outcome plain = run("dataset", what + "--out plain.png");
  BOOST_TEST(plain.exit_code == 0, plain.err);
  BOOST_TEST(contains(plain.out, "\n  cat | dog | red fox\n  cat | dog\n"));
  BOOST_TEST((summary(plain)["labels"] == Json{0, 1, 2, 0, 1}));
  std::set<std::string> sheets{content(path() / "plain.png")};
  for (const char* kind : {"imagenet --seed 1", "imagenet --seed 2", "cifar --seed 1"}) {
    const Outcome other = run("dataset", what + "--out other.png --overwrite --augment " + kind);
    BOOST_TEST(other.exit_code == 0, other.err);
    BOOST_TEST(sheets.insert(content(path() / "other.png")).second, kind);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ockham
