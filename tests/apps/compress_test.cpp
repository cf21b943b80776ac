// Networks made smaller, from their training to the small network's test elsewhere.
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

BOOST_AUTO_TEST_CASE(what_cannot_be_compressed_is_refused) {
  int runs = 0;
  const auto refuses = [&](const std::string& options, int code, std::initializer_list<std::string_view> texts) {
    const std::string out = " --out no" + std::to_string(++runs);
    BOOST_TEST(ends_with(run_program(path(), "compress", options + out), code, texts));
  };
  refuses(kCompress + "--pattern squares", 2, {"squares"});
  refuses(kCompress + "--rule obd", 2, {"no threshold", "--max-params"});
  refuses(kCompress + "--max-params 100 --max-macs 100", 2, {"drop one of them"});
  refuses(kCycles + "--model lenet300 --pattern filter", 2, {"filter"});
  refuses(kCycles + "--model lenet5", 2, {"tangent sweeps", "--curvature gauss-newton"});
  refuses(kCompress + "--max-params 3", 2, {"budget of 3"});
  refuses(kCompress + "--nats 1e15 --most 1", 2, {"redundant", "lower"});
  const std::string train = kImages + "--epochs 0 --channels 4 --cells 3 --genotype DARTS_V2 --out trained";
  BOOST_TEST(ends_with(run_program(path(), "train", train), 0, {}));
  refuses("--checkpoint trained --epochs 0 --dataset cifar10 --data .", 5, {});
  refuses("--checkpoint trained --epochs 0 --image-size 32", 2, {"the network takes 3x16x16"});
  std::ofstream(path() / "bad.safetensors") << "nothing";
  refuses("--checkpoint bad.safetensors --epochs 0 --dataset shapes", 6, {"bad.safetensors"});
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham
