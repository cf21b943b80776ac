// What a run records of its data is what it goes on with, and what programs that read the run look at.
// labels: slow
#include "apps/runs/folder/recorded_facts.h"

#include <limits>

#include "apps/cli/options/settings.h"
#include "apps/runs/folder/source_run.h"
#include "engine/safetensors.h"
#include "tests/apps/program.h"

namespace ockham {
namespace {

using nlohmann::json;
using test::contains;
using test::content;
using test::ends_with;
using test::Outcome;
using test::run_program;
using test::TemporaryFolder;
namespace fs = std::filesystem;

constexpr const char* kFiles[] = {"data_batch_1", "data_batch_2", "data_batch_3",
                                  "data_batch_4", "data_batch_5", "test_batch"};

/// CIFAR-10 with this many records a file.
void write_cifar(const fs::path& folder, int records = 20) {
  fs::create_directories(folder);
  for (const char* name : kFiles) {
    std::ofstream file(folder / (std::string(name) + ".bin"), std::ios::binary);
    for (int r = 0; r < records; ++r)
      file << static_cast<char>(r % 10) << std::string(3072, static_cast<char>(r * 11));
  }
}

/// Gives the last image of a file another class.
void change_label(const fs::path& file) {
  std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
  stream.seekg(-3073, std::ios::end);
  const char label = static_cast<char>(stream.get());
  stream.seekp(-3073, std::ios::end).put(static_cast<char>((label + 1) % 10));
}

const std::string kData = "--dataset cifar10 --data data --image-size 8 ";
const std::string kSizes = "--train-size 64 --valid-size 16 --test-size 12 ";
const std::string kParts = kSizes + "--seed 7 ";
const std::string kTrain =
    "--genotype DARTS_V1 --channels 2 --cells 1 --batch-size 8 --epochs 1 --cutout 0 --drop-path-prob 0 ";
const std::string kSearch = "--channels 2 --cells 1 --batch-size 8 --epochs 1 --space nasbench201 --score-size 8 ";

struct Folder : TemporaryFolder {
  Folder() { write_cifar(path() / "data"); }
  Outcome run(const std::string& name, const std::string& arguments, const std::string& before = "") const {
    return run_program(path(), name, arguments, before);
  }
  json facts(const std::string& run) const { return json::parse(content(path() / run / "run.json")); }
  /// The parts as a run has them, or the resumed one that `resume` names.
  data::Splits open(const std::string& resume = "") const {
    apps::OptionTable table;
    apps::declare_settings<apps::RunSettings>(table);
    apps::declare_settings<apps::DataSettings>(table);
    std::vector<std::string> arguments = {"--data=" + (path() / "data").string()};
    if (resume.empty())
      arguments.insert(arguments.end(), {"--dataset=cifar10", "--image-size=8", "--train-size=64", "--valid-size=16",
                                         "--test-size=12", "--seed=7"});
    else
      arguments.push_back(resume);
    const apps::Options options = table.parse(arguments, {});
    return apps::open_recorded_splits(apps::read_settings<apps::DataSettings>(options),
                                      apps::read_settings<apps::RunSettings>(options));
  }
  fs::path last() const { return path() / "run/checkpoints/last.safetensors"; }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(recorded_facts, Folder)

BOOST_AUTO_TEST_CASE(what_differs_is_told_by_part_with_both_records) {
  const nlohmann::ordered_json then = apps::data_facts(open());
  BOOST_TEST(then["name"] == "cifar10");
  BOOST_TEST(then["classes"] == 10);
  BOOST_TEST((then["shape"] == json{3, 8, 8}));
  BOOST_TEST(then["valid"]["images"] == 16);
  for (const char* part : {"train", "valid", "test"}) {
    BOOST_TEST(apps::difference_of(part, then, then).empty());
    for (const auto& [key, value] :
         {std::pair<const char*, json>{"name", "mnist"}, {"classes", 9}, {"shape", {1, 8, 8}}}) {
      nlohmann::ordered_json other = then;
      other[key] = value;
      BOOST_TEST(contains(apps::difference_of(part, then, other), std::string(part) + " data: recorded are "));
    }
    for (const auto& [key, value] : {std::pair<const char*, json>{"images", 5}, {"digest", "0123"}}) {
      nlohmann::ordered_json other = then;
      other[part][key] = value;
      const std::string told = apps::difference_of(part, then, other);
      BOOST_TEST(contains(told, std::string(then[part]["digest"])));
      BOOST_TEST(contains(told, "found are " + std::to_string(int(other[part]["images"])) + " images of cifar10"));
      for (const char* elsewhere : {"train", "valid", "test"})
        BOOST_TEST(apps::difference_of(elsewhere, then, other).empty() == (std::string_view(elsewhere) != part));
    }
    nlohmann::ordered_json without = then;
    without.erase(part);
    BOOST_TEST(contains(apps::difference_of(part, then, without), "found are none"));
    BOOST_TEST(contains(apps::difference_of(part, without, then), "recorded are none"));
    BOOST_TEST(apps::difference_of(part, without, without).empty());
  }
  BOOST_CHECK_THROW(apps::difference_of("train", {{"train", 7}}, then), CheckpointError);
}

BOOST_AUTO_TEST_CASE(a_run_that_recorded_no_data_yet_takes_what_there_is) {
  fs::create_directories(path() / "run");
  const std::string record = (path() / "run/run.json").string();
  std::ofstream(path() / "run/config.ini") << "dataset = cifar10\nimage-size = 8\n";
  BOOST_TEST(open("--resume=" + (path() / "run").string()).train->size() == 100);  // RunFolder refuses it
  for (const char* text : {"{\"data\": null}", "{}"}) {
    std::ofstream(record) << text;
    BOOST_TEST(open("--resume=" + (path() / "run").string()).train->size() == 100);
  }
  std::ofstream(record) << "{\"data\": {\"train\": 3}}";
  BOOST_CHECK_THROW(open("--resume=" + (path() / "run").string()), CheckpointError);
}

BOOST_AUTO_TEST_CASE(the_run_of_a_path_is_the_folder_that_has_a_record) {
  fs::create_directories(path() / "run/checkpoints");
  std::ofstream(path() / "run/run.json") << "{}";
  for (const char* file : {"run/checkpoints/last.safetensors", "run/genotype.json", "other.json"})
    std::ofstream(path() / file) << "";
  const fs::path run = path() / "run";
  BOOST_TEST(apps::run_of(run) == run);
  BOOST_TEST(apps::run_of(run / "genotype.json") == run);
  BOOST_TEST(apps::run_of(run / "checkpoints/last.safetensors") == run);
  BOOST_TEST(apps::run_of(run / "checkpoints") == run);
  for (const fs::path& none : {path() / "other.json", path(), run / "absent", fs::path(), fs::path("DARTS_V2"),
                               fs::path(std::string(10'000, 'x'))})
    BOOST_TEST(apps::run_of(none) == fs::path());
}

BOOST_AUTO_TEST_CASE(no_program_goes_on_with_other_data_of_any_part) {
  const std::vector<std::pair<std::string, std::string>> programs = {
      {"train", kTrain},
      {"search", kSearch + "--method random --candidates 1 "},
      {"search",
       "--channels 2 --cells 3 --nodes 1 --batch-size 8 --hessian-size 8 --hessian-refresh 1 --rounds 1 "
       "--warmup-epochs 0 --epochs 1 "},
      {"pgnas", "--stem 2 --width 4 --blocks 1 --batch-size 8 --epochs 1 --cutout 0 --draws 5 "}};
  for (const auto& [name, options] : programs) {
    BOOST_TEST_CONTEXT(name << ' ' << options) {
      write_cifar(path() / "data");
      fs::remove_all(path() / "run");
      BOOST_TEST(run(name, options + kData + kParts + "--out run").exit_code == 0);
      for (const char* file : {"data_batch_3.bin", "test_batch.bin"}) {
        const bool is_test = std::string_view(file) == "test_batch.bin";
        const json recorded = facts("run")["data"][is_test ? "test" : "train"];
        change_label(path() / "data" / file);
        const Outcome refused = run(name, "--resume run");
        BOOST_TEST(ends_with(refused, 5,
                             {"run", is_test ? "test data" : "train data", "recorded are", "found are",
                              std::string(recorded["digest"]), "--data"}));
        const std::size_t found = refused.err.find("found are");
        BOOST_TEST(contains(refused.err.substr(found), "SHA-256"));
        BOOST_TEST(!contains(refused.err.substr(found), std::string(recorded["digest"])));
        write_cifar(path() / "data");
      }
      BOOST_TEST(run(name, "--resume run").exit_code == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(fewer_images_than_recorded_are_refused_whatever_was_asked_for) {
  for (const std::string& parts : {kParts, std::string(), std::string("--train-size 90 ")}) {
    BOOST_TEST_CONTEXT(parts) {
      write_cifar(path() / "data");
      fs::remove_all(path() / "run");
      BOOST_TEST(run("train", kTrain + kData + parts + "--out run").exit_code == 0);
      const json recorded = facts("run")["data"]["train"];
      write_cifar(path() / "data", 10);
      BOOST_TEST(ends_with(
          run("train", "--resume run"), 5,
          {"recorded are " + std::to_string(int(recorded["images"])) + " images", std::string(recorded["digest"])}));
      write_cifar(path() / "data", 1);
      BOOST_TEST(ends_with(run("train", "--resume run"), 5, {"recorded are", std::string(recorded["digest"])}));
    }
  }
}

BOOST_AUTO_TEST_CASE(the_same_data_in_another_folder_are_the_same) {
  BOOST_TEST(run("train", kTrain + kData + kParts + "--out run").exit_code == 0);
  fs::rename(path() / "data", path() / "moved");
  BOOST_TEST(run("train", "--resume run --data moved").exit_code == 0);
  BOOST_TEST(facts("run")["options"]["data"] == "moved");
  BOOST_TEST(run("train", "--resume run").exit_code == 0, "config.ini, too, has the folder they are in now");
  write_cifar(path() / "data", 30);
  BOOST_TEST(ends_with(run("train", "--resume run", "OCKHAM_DATA=data"), 5, {"SHA-256"}));
}

BOOST_AUTO_TEST_CASE(a_comparison_does_not_mix_runs_of_different_data) {
  for (const auto& [name, options, child] :
       {std::tuple{"compare", kTrain + "--random 1 --seeds 1 ", "random1-seed1"},
        std::tuple{"search", kSearch + "--methods random,darts --seeds 1 --candidates 1 ", "darts-seed1"}}) {
    BOOST_TEST_CONTEXT(name) {
      write_cifar(path() / "data");
      fs::remove_all(path() / "run");
      BOOST_TEST(run(name, options + kData + kSizes + "--out run").exit_code == 0);
      fs::rename(path() / "data", path() / "away");
      BOOST_TEST(run(name, "--resume run").exit_code == 0);  // nothing is left that would need them
      fs::rename(path() / "away", path() / "data");
      BOOST_REQUIRE(fs::exists(path() / "run" / child));
      fs::remove_all(path() / "run" / child);
      change_label(path() / "data/data_batch_1.bin");
      BOOST_TEST(ends_with(run(name, "--resume run"), 5, {"train data", "recorded are", "found are"}));
      BOOST_TEST(!fs::exists(path() / "run" / child));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_checkpoint_is_tested_on_the_data_of_its_run) {
  const Outcome trained = run("train", kTrain + kData + kParts + "--json --out run");
  const json before = test::summary(trained);
  for (const char* what : {"run", "run/", "run/checkpoints/last.safetensors"}) {
    const Outcome tested = run("evaluate", std::string(what) + " --json");
    BOOST_TEST(ends_with(tested, 0, {}));
    const json after = test::summary(tested);
    BOOST_TEST(after["dataset"] == "cifar10");
    BOOST_TEST(after["seed"] == 7);
    BOOST_TEST(after["images"] == 12);
    BOOST_TEST(after["data"]["test"] == facts("run")["data"]["test"]);
    BOOST_TEST(after["test_accuracy"] == before["test_accuracy"]);
    BOOST_TEST(contains(tested.out, "12 images of cifar10"));
  }
  const json valid = test::summary(run("evaluate", "run --split valid --json"));
  BOOST_TEST(valid["images"] == 16);
  BOOST_TEST(valid["valid_accuracy"] == before["valid_accuracy"]);
  BOOST_TEST(valid["data"]["valid"] == facts("run")["data"]["valid"]);
  const Outcome hessian = run("hessian", "run --over weights --grouping layer --hessian-size 4 --json");
  BOOST_TEST(ends_with(hessian, 0, {}));
  BOOST_TEST(test::summary(hessian)["dataset"] == "cifar10");
  BOOST_TEST(contains(hessian.out, "4 training images of cifar10"));
}

BOOST_AUTO_TEST_CASE(options_win_over_the_environment_and_that_over_the_run) {
  BOOST_TEST(run("train", kTrain + kData + kParts + "--out run").exit_code == 0);
  const std::string environment = "export OCKHAM_TEST_SIZE=5;";
  BOOST_TEST(test::summary(run("evaluate", "run --json"))["images"] == 12);
  const Outcome by_environment = run("evaluate", "run --json", environment);
  BOOST_TEST(test::summary(by_environment)["images"] == 5);
  BOOST_TEST(contains(by_environment.err, "other data than the run's"));
  BOOST_TEST(test::summary(run("evaluate", "run --json --test-size 3", environment))["images"] == 3);
  BOOST_TEST(ends_with(run("evaluate", "run --dataset shapes --image-size 0"), 2, {"3x8x8", "shapes"}));
}

BOOST_AUTO_TEST_CASE(data_that_changed_since_are_refused_unless_named) {
  BOOST_TEST(run("train", kTrain + kData + kParts + "--out run").exit_code == 0);
  change_label(path() / "data/test_batch.bin");
  change_label(path() / "data/data_batch_2.bin");
  BOOST_TEST(ends_with(run("evaluate", "run"), 5, {"test data: recorded are", "found are", "--dataset"}));
  BOOST_TEST(ends_with(run("hessian", "run --over weights"), 5, {"train data: recorded are", "--dataset"}));
  BOOST_TEST(ends_with(run("evaluate", "run --data data"), 0, {"other data than the run's"}));
}

BOOST_AUTO_TEST_CASE(help_tells_which_options_a_run_answers) {
  std::string help = run("evaluate", "--help").out;
  std::ranges::replace(help, '\n', ' ');
  for (const char* part :
       {"else from the run that --checkpoint", "(--dataset, --data,", "--seed, --test-flips), else it is"})
    BOOST_TEST(contains(help, part), part);
  BOOST_TEST(!contains(run("train", "--help").out, "from the run"));
}

BOOST_AUTO_TEST_CASE(a_checkpoint_outside_a_run_names_no_data) {
  BOOST_TEST(run("train", kTrain + kData + kParts + "--out run").exit_code == 0);
  fs::copy_file(last(), path() / "bare.safetensors");
  BOOST_TEST(ends_with(run("evaluate", "bare.safetensors"), 2, {"bare.safetensors", "--dataset"}));
  BOOST_TEST(ends_with(run("hessian", "bare.safetensors --over weights"), 2, {"bare.safetensors", "--dataset"}));
  BOOST_TEST(ends_with(run("evaluate", "bare.safetensors --image-size 8"), 2, {"--dataset"}));
  const json tested = test::summary(run("evaluate", "bare.safetensors --json " + kData + kParts));
  BOOST_TEST(tested["data"]["test"] == facts("run")["data"]["test"]);
}

BOOST_AUTO_TEST_CASE(a_comparison_of_found_cells_takes_the_data_of_the_search) {
  BOOST_TEST(run("train", kTrain + kData + kParts + "--out run").exit_code == 0);
  for (const char* found : {"run", "run/genotype.json"}) {
    const std::string config = run("compare", std::string("--print-config --genotype ") + found).out;
    for (const char* line : {"dataset = cifar10\n", "data = data\n", "image-size = 8\n", "train-size = 64\n"})
      BOOST_TEST(contains(config, line), line);
  }
  const std::string told = run("compare", "--print-config --genotype run --preset small --train-size 9").out;
  BOOST_TEST(contains(told, "train-size = 9\n"));
  const Outcome compared =
      run("compare",
          "--genotype run --random 1 --seeds 1 --channels 2 --cells 1 --batch-size 8 --epochs 1 --json "
          "--tolerance 10 --out compared");
  BOOST_TEST(ends_with(compared, 0, {}));
  BOOST_TEST(test::summary(compared)["dataset"] == "cifar10");
  BOOST_TEST(contains(compared.out, "cifar10"));
  BOOST_TEST(facts("compared")["data"] == facts("run")["data"]);
}

BOOST_AUTO_TEST_CASE(numbers_that_are_not_finite_end_with_4_and_a_missing_digest_is_told) {
  BOOST_TEST(run("train", kTrain + kData + kParts + "--out run").exit_code == 0);
  TensorFile file = load_safetensors(last());
  file.metadata.erase("digest");
  save_safetensors(last(), file);
  BOOST_TEST(ends_with(run("evaluate", "run"), 0, {"no digest"}));
  for (auto& [name, tensor] : file.tensors) {
    if (name.ends_with("running_var"))
      tensor.span<float>()[0] = std::numeric_limits<float>::infinity();
  }
  save_safetensors(last(), file);
  for (const char* program : {"evaluate", "hessian"})
    BOOST_TEST(ends_with(run(program, "run"), 4, {"running_var", "not finite"}));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham
