// The trees of a network, from their search to a network that is trained and tested.
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

const std::string kImages = "--dataset shapes --image-size 8 --train-size 128 --valid-size 16 --test-size 16 ";
const std::string kSearch = kImages +
                            "--space proxyless --channels 4 --widening 4 --groups 2 --cells 1 --batch-size 16 "
                            "--save-every 1 --seed 3 ";
const std::string kBayesNas =
    kSearch + "--method bayesnas --warmup-fraction 0.25 --hessian-size 8 --hessian-refresh 1 --epochs ";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(proxyless, test::TemporaryFolder)

BOOST_AUTO_TEST_CASE(the_trees_of_a_search_become_a_network_that_is_trained_and_tested) {
  const Outcome found = run_program(path(), "search", kBayesNas + "2 --rule evidence --lambda 0.01 --out search");
  BOOST_TEST(ends_with(found, 0, {}));
  BOOST_TEST(contains(found.err + found.out, "every premise of algorithm R holds"));
  BOOST_TEST(contains(found.out,
                      "train --genotype search/genotype.json --preset quick --dataset shapes --channels 4 "
                      "--widening 4 --image-size 8"));
  const json summary = json::parse(content(path() / "search/summary.json"));
  const json posterior = json::parse(content(path() / "search/posterior.json"));
  BOOST_TEST(posterior["space"] == "proxyless");

  const std::string options =
      kImages + "--preset quick --epochs 1 --batch-size 16 --channels 4 --widening 4 --out run ";
  BOOST_TEST(ends_with(run_program(path(), "train", options + "--genotype search/genotype.json --cells 9"), 0, {}));
  const json trained = json::parse(content(path() / "run/summary.json"));
  BOOST_TEST(trained["params"] == summary["params"]);
  BOOST_TEST(trained["macs"] == summary["macs"]);
  BOOST_TEST(content(path() / "run/genotype.json") == content(path() / "search/genotype.json"));
  BOOST_TEST(contains(content(path() / "run/log.txt"), "--cells has no effect on trees"));
  const Outcome tested = run_program(path(), "evaluate", "run --json");
  BOOST_TEST(test::summary(tested)["accuracy"] == trained["test_accuracy"]);
}

BOOST_AUTO_TEST_CASE(a_search_gives_the_same_bytes_at_any_thread_count_and_after_a_resumption) {
  for (const std::string threads : {"1", "2"})
    BOOST_TEST(
        ends_with(run_program(path(), "search", kBayesNas + "1 --out run" + threads + " --threads " + threads), 0, {}));
  const auto bytes = [&](const std::string& run) { return content(path() / run / "checkpoints/last.safetensors"); };
  BOOST_TEST(!bytes("run1").empty());
  BOOST_TEST((bytes("run1") == bytes("run2")));
  BOOST_TEST(content(path() / "run1/posterior.json") == content(path() / "run2/posterior.json"));

  test::Program program(path(), "search", kBayesNas + "1 --out cut");
  program.wait_until([&] { return fs::exists(path() / "cut/checkpoints/last.safetensors"); });
  program.send(SIGKILL);
  program.wait();
  BOOST_TEST(ends_with(run_program(path(), "search", "--resume cut"), 0, {}));
  BOOST_TEST((bytes("cut") == bytes("run1")));
}

BOOST_AUTO_TEST_CASE(methods_without_switches_draw_its_cells_or_refuse) {
  BOOST_TEST(ends_with(
      run_program(path(), "search", kSearch + "--method random --epochs 1 --candidates 2 --score-size 8 --out r"), 0,
      {}));
  for (const char* method : {"darts", "balenas"})
    BOOST_TEST(ends_with(run_program(path(), "search", kSearch + "--score-size 8 --out x --method " + method), 2,
                         {"space proxyless", "no network of logits"}));
  BOOST_TEST(ends_with(run_program(path(), "search", kSearch + "--score-size 8 --out x --method pgnas"), 2,
                       {"space proxyless", "gates"}));
  BOOST_TEST(ends_with(run_program(path(), "search", kImages + "--space proxyless --groups 5 --out x"), 2,
                       {"cannot be halved 4"}));
  BOOST_TEST(ends_with(run_program(path(), "train", kImages + "--out x --genotype '{\"space\": \"proxyless\"}'"), 2,
                       {"genotype of trees", "format"}));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham
