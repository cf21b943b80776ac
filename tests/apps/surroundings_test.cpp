// What surrounds a program is input too: closed streams, signals, names of folders; and what options alone can tell is
// told before any data is opened. labels: slow
#include <sstream>

#include "tests/apps/program.h"

namespace ockham {
namespace {

using test::contains;
using test::content;
using test::ends_with;
using test::metrics;
using test::Outcome;
using test::Program;
using test::run_program;
using test::summary;
using test::TemporaryFolder;
namespace fs = std::filesystem;

const std::string kTrain =
    "--train-size 32 --test-size 16 --image-size 16 --channels 2 --cells 3 --batch-size 8 --genotype DARTS_V1 ";
const std::string kLong = kTrain + "--epochs 100000 --out run ";
const std::string kNoData = "--dataset cifar10 --data nowhere ";

struct Folder : TemporaryFolder {
  bool has(const std::string& file) const { return fs::exists(path() / file); }
  /// Two images of each class in the binary form of CIFAR-10, in a folder of this name.
  void make_data(const std::string& name) const {
    fs::create_directories(path() / name);
    test::write_small_cifar(path() / name);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(surroundings, Folder)

BOOST_AUTO_TEST_CASE(closed_standard_error_keeps_log_lines_out_of_the_files_of_a_run) {
  // The harness's own redirections come first, so that these close what they opened.
  BOOST_TEST(run_program(path(), "train", kTrain + "--epochs 2 --valid-size 8 --out run 2>&- <&-").exit_code == 0);
  BOOST_TEST(metrics(path() / "run").size() == 4);  // every line is JSON
  BOOST_TEST(contains(content(path() / "run/log.txt"), "epoch 2"));
  BOOST_TEST(run_program(path(), "train", "--resume run").exit_code == 0);
}

BOOST_AUTO_TEST_CASE(closed_standard_output_makes_the_exit_code_1_and_loses_no_run) {
  const Outcome closed = run_program(path(), "train", kTrain + "--epochs 1 --out run >&-");
  BOOST_TEST(ends_with(closed, 1, {"standard output cannot be written", "run/summary.json alone"}));
  BOOST_TEST(has("run/summary.json"));
  BOOST_TEST(has("run/checkpoints/last.safetensors"));
}

BOOST_AUTO_TEST_CASE(closed_pipe_ends_no_run) {
  const std::string reader = "mkfifo pipe; head -c 1 pipe >/dev/null &";  // goes away after the first byte
  const auto train = [&](const std::string& streams) {
    const Outcome outcome = run_program(path(), "train", kTrain + "--epochs 2 --out run " + streams, reader);
    BOOST_TEST(metrics(path() / "run").size() == 2);
    BOOST_TEST(has("run/summary.json"));
    fs::remove_all(path() / "run");
    fs::remove(path() / "pipe");
    return outcome.exit_code;
  };
  BOOST_TEST(train("2>pipe") == 0);
  BOOST_TEST(train(">pipe 2>&1") == 1);  // the results were on standard output
}

BOOST_AUTO_TEST_CASE(signals_that_announce_an_end_save_a_checkpoint_and_end_with_75) {
  for (const int signal : {SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU, SIGTERM}) {
    Program train(path(), "train", kLong + "--overwrite --save-every 1000000");
    BOOST_REQUIRE(train.wait_until([&] { return content(path() / "run/metrics.jsonl").size() > 1; }));
    train.send(signal);
    BOOST_TEST(ends_with(train.wait(), 75, {"--resume run"}), "signal " << signal);
    BOOST_TEST(has("run/checkpoints/last.safetensors"), "signal " << signal);
    fs::remove_all(path() / "run");
  }
}

BOOST_AUTO_TEST_CASE(hangup_that_was_ignored_at_the_start_is_no_request) {
  Program train(path(), "train", kLong, "trap '' HUP;");
  BOOST_REQUIRE(train.wait_until([&] { return content(path() / "run/metrics.jsonl").size() > 1; }));
  train.send(SIGHUP);
  const std::size_t size = content(path() / "run/metrics.jsonl").size();
  BOOST_TEST(train.wait_until([&] { return content(path() / "run/metrics.jsonl").size() > size; }));
  train.send(SIGTERM);
  BOOST_TEST(train.wait().exit_code == 75);
}

BOOST_AUTO_TEST_CASE(any_name_of_a_folder_will_do) {
  for (const std::string name : {"C#", " # x", "a \"b\"", "it;s=[1]", "\xc3\xa4\xff"}) {
    make_data(name);
    const std::string data = "--dataset cifar10 --data \"$D\" ", before = "D='" + name + "';";
    const auto run = [&](const std::string& program, const std::string& arguments) {
      return run_program(path(), program, arguments, before);
    };
    BOOST_TEST(ends_with(run("dataset", "info " + data), 0, {}), name);
    BOOST_TEST(ends_with(run("train", "--genotype DARTS_V1 --channels 2 --cells 3 --batch-size 2 --epochs 1 " + data +
                                          "--out \"$D/run\""),
                         0, {}),
               name);
    BOOST_TEST(ends_with(run("train", "--resume \"$D/run\""), 0, {}), name);
    BOOST_TEST(ends_with(run("evaluate", "\"$D/run\" " + data), 0, {}), name);
    BOOST_TEST(ends_with(run("train", "--config \"$D/run/config.ini\" --out \"$D/again\""), 0, {}), name);
  }
}

BOOST_AUTO_TEST_CASE(batch_size_of_evaluation_changes_no_bit) {
  BOOST_REQUIRE(run_program(path(), "train", kTrain + "--epochs 1 --out run").exit_code == 0);
  for (const char* precision : {"fp32", "bf16"}) {
    const auto result = [&](int batch) {
      const Outcome outcome = run_program(path(), "evaluate",
                                          "run --json --test-size 150 --image-size 16 --precision " +
                                              std::string(precision) + " --batch-size " + std::to_string(batch));
      BOOST_REQUIRE(outcome.exit_code == 0);
      return summary(outcome);
    };
    const auto whole = result(150);
    for (const int batch : {1, 7, 32, 100}) {
      const auto cut = result(batch);
      for (const char* what : {"loss", "accuracy", "top5"})
        BOOST_TEST(cut.at(what) == whole.at(what), precision << ", batches of " << batch << ": " << what);
      BOOST_TEST(cut.at("peak_bytes") < whole.at("peak_bytes"));
    }
  }
}

BOOST_AUTO_TEST_CASE(hyphens_alone_are_an_unknown_option) {
  for (const char* word : {"---", "-=3"})
    BOOST_TEST(ends_with(run_program(path(), "search", word), 2, {"Unknown option", "--help"}), word);
}

BOOST_AUTO_TEST_CASE(damaged_table_is_bad_data) {
  std::ofstream(path() / "t.csv") << "arch,c10_valid_200,c10_test_200,c100_test_200,im120_test_200\n|none~0|+|no";
  BOOST_TEST(ends_with(run_program(path(), "genotype", "query 333333 --table t.csv"), 5, {"t.csv", "line 2", "cut"}));
  BOOST_TEST(ends_with(run_program(path(), "genotype", "query 333333 --table nowhere"), 5, {"nowhere"}));
}

BOOST_AUTO_TEST_CASE(digits_of_a_cell_are_explained) {
  const std::string order = "1<-0, 2<-0, 2<-1, 3<-0, 3<-1, 3<-2";
  BOOST_TEST(ends_with(run_program(path(), "genotype", "query 403143"), 0, {order, "0 none", "4 avg_pool_3x3"}));
  BOOST_TEST(ends_with(run_program(path(), "genotype", "query '(4, 0, 3, 1, 4, 3)'"), 2, {order, "NASLib"}));
  std::istringstream help(run_program(path(), "genotype", "--help").out);
  std::string words;
  for (std::string word; help >> word;)
    words += word + " ";
  BOOST_TEST(contains(words, order + " in this order"));
  BOOST_TEST(contains(words, "0 none, 1 skip_connect, 2 nor_conv_1x1, 3 nor_conv_3x3, 4 avg_pool_3x3"));
}

// Missing data ends with 5: where 2 comes, it came before the data was looked for.
BOOST_AUTO_TEST_CASE(what_options_alone_can_tell_is_told_before_data_is_opened) {
  fs::create_directories(path() / "taken");
  std::ofstream(path() / "taken/notes.txt") << "mine";
  BOOST_REQUIRE(run_program(path(), "train", kTrain + "--epochs 1 --out run").exit_code == 0);
  const auto refuses = [&](const std::string& program, const std::string& arguments,
                           std::initializer_list<std::string_view> parts) {
    BOOST_TEST(ends_with(run_program(path(), program, arguments + " " + kNoData), 2, parts),
               program << " " << arguments);
  };
  for (const char* program : {"train", "search", "pgnas", "compare"}) {
    const std::string genotype = *program == 't' || *program == 'c' ? "--genotype DARTS_V1 " : "";
    refuses(program, genotype + "--out taken", {"taken exists", "--overwrite"});
    refuses(program, genotype + "--out taken --overwrite", {"not the folder of a run"});
    refuses(program, genotype + "--batch-size 64 --train-size 32 --valid-size 8", {"--batch-size 64", "32"});
  }
  refuses("pgnas", "--image-size 18", {"18x18", "divisible by 4"});
  refuses("compare", "", {"--genotype is missing"});
  refuses("evaluate", "run --split valid", {"--valid-size"});
  refuses("hessian", "run --csv no/such.csv", {"--csv", "no/such.csv", "no folder"});
  refuses("hessian", "run --csv taken", {"--csv", "is a folder"});
  refuses("hessian", "run --over weights --hessian-check 3 --hessian-bn frozen", {"--hessian-check", "running"});
  refuses("hessian", "run --over weights --hessian-check 3 --grouping layer", {"--hessian-check", "--grouping entry"});
  refuses("proxies", "--table nowhere --proxies snipe", {"'snipe'", "snip"});
  refuses("proxies", "--table nowhere --proxies snip,snip", {"snip is named twice"});
  refuses("proxies", "--table nowhere --csv no/such.csv", {"no folder"});
  refuses("dataset", "sample no/such.png", {"out", "no folder"});
  BOOST_TEST(
      ends_with(run_program(path(), "genotype", "draw DARTS_V1 --prefix no/such"), 2, {"--prefix", "no folder"}));
}

BOOST_AUTO_TEST_CASE(network_without_switches_has_no_derivatives_by_them) {
  BOOST_REQUIRE(run_program(path(), "train", kTrain + "--epochs 1 --out run").exit_code == 0);
  BOOST_TEST(ends_with(run_program(path(), "hessian", "run --over switches"), 2, {"this network has none"}));
}

BOOST_AUTO_TEST_CASE(plan_of_a_comparison_writes_nothing) {
  const Outcome plan =
      run_program(path(), "compare", kTrain + "--epochs 1 --random 2 --tolerance 2 --dry-run --out compared");
  BOOST_TEST(plan.exit_code == 0);
  for (const char* part : {"found, once a seed", "random2, once a seed", "estimated time"})
    BOOST_TEST(contains(plan.out, part), part);
  BOOST_TEST(!has("compared"));
}

BOOST_AUTO_TEST_CASE(comparison_counts_the_parameters_of_the_networks_that_it_trains) {
  const std::string imagenet = kTrain + "--image-size 32 --stem imagenet --epochs 1 ";
  std::string sizes = imagenet;
  sizes.replace(sizes.find("--image-size 16 "), 16, "");
  const Outcome compared =
      run_program(path(), "compare", sizes + "--random 1 --seeds 1 --tolerance 2 --out run --json");
  BOOST_REQUIRE(compared.exit_code == 0);
  const auto trained = nlohmann::json::parse(content(path() / "run/found-seed1/summary.json"));
  BOOST_TEST(summary(compared).at("rows").at(0).at("params") == trained.at("params"));
}

BOOST_AUTO_TEST_CASE(line_that_tells_how_to_train_is_a_command_that_works_with_names_of_any_kind) {
  make_data("C# 1");
  const std::string common =
      "--dataset cifar10 --data \"$D\" --channels 2 --cells 3 --batch-size 2 --epochs 1 --nodes 1 --out \"$D/it's\" ";
  for (const char* method : {"--method darts --space darts --score-size 4",
                             "--method bayesnas --space bayesnas --warmup-epochs 0 --hessian-size 2"}) {
    const Outcome found = run_program(
        path(), "search", common + method + " --overwrite --preset small --train-size 0 --valid-size 0", "D='C# 1';");
    BOOST_REQUIRE(found.exit_code == 0);
    const std::size_t at = found.out.find("apps/run train ");
    BOOST_REQUIRE(at != std::string::npos);
    const std::string command = found.out.substr(at + 15, found.out.find('\n', at) - at - 15);
    BOOST_TEST(contains(command, "--preset small --dataset cifar10 --data 'C# 1'"));
    const Outcome trained = run_program(path(), "train", command + " --batch-size 2 --epochs 1 --dry-run");
    BOOST_TEST(trained.exit_code == 0, command << ": " << trained.err);
  }
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham
