// What the programs refuse: wrong options, impossible networks, bad data, bad checkpoints, a full disk, divergence.
// Each with a message that says what is wrong and the exit code of its kind. labels: slow
#include "tests/apps/program.h"

namespace ockham {
namespace {

using test::contains;
using test::content;
using test::ends_with;
using test::Outcome;
using test::run_program;
using test::TemporaryFolder;
using test::write_small_cifar;
namespace fs = std::filesystem;

const std::string kSizes = "--train-size 32 --test-size 16 --image-size 16 --channels 2 --cells 3 --batch-size 8 ";
const std::string kSearch = kSizes + "--nodes 1 --hessian-size 8 --hessian-refresh 1 --warmup-epochs 0 ";
const std::string kTrain = kSizes + "--genotype DARTS_V1 --epochs 1 ";

struct Folder : TemporaryFolder {
  Outcome search(const std::string& more) const { return run_program(path(), "search", kSearch + more); }
  Outcome train(const std::string& more) const { return run_program(path(), "train", kTrain + more); }
};

/// A safetensors file: the length of its header, the header, and some data.
void write_safetensors(const fs::path& path, const std::string& header, std::size_t data_bytes) {
  const auto length = static_cast<std::uint64_t>(header.size());
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(&length), 8);
  file << header << std::string(data_bytes, '\0');
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(refusals, Folder)

BOOST_AUTO_TEST_CASE(unknown_option_is_answered_with_the_nearest) {
  BOOST_TEST(ends_with(search("--lamda 1"), 2, {"--lamda", "'lambda'"}));
  BOOST_TEST(ends_with(search("--method dart"), 2, {"--method", "bayesnas"}));
}

BOOST_AUTO_TEST_CASE(device_and_precision_that_this_version_lacks) {
  BOOST_TEST(ends_with(search("--device cuda:99"), 3, {"device: cuda:99 was asked for, but"}));
  BOOST_TEST(ends_with(search("--precision fp16"), 2, {"fp16", "bf16"}));
  BOOST_TEST(ends_with(search("--device cpu --precision tf32"), 2, {"tf32", "tensor cores", "--device cuda"}));
  BOOST_TEST(ends_with(run_program(path(), "hessian", "--precision bf16"), 2, {"bf16", "fp64, fp32"}));
}

BOOST_AUTO_TEST_CASE(wrong_genotype_text_names_the_column) {
  BOOST_TEST(ends_with(run_program(path(), "train", "--genotype \"Genotype(normal=[('sep_conv_3x3', 7)])\""), 2,
                       {"column 35"}));
  std::ofstream(path() / "cell.txt") << "|nor_conv_3x3~0|+|nor_conv_9x9~0|nor_conv_3x3~1|";
  BOOST_TEST(ends_with(run_program(path(), "train", "--genotype cell.txt"), 2, {"cell.txt", "column"}));
  BOOST_TEST(ends_with(run_program(path(), "train", ""), 2, {"--genotype"}));
}

// A data folder that is not there would end with 5: these are refused before it is looked for.
BOOST_AUTO_TEST_CASE(curvature_that_cannot_be_had_is_refused_before_data_is_read) {
  const std::string data = "--dataset cifar10 --data nowhere ";
  BOOST_TEST(ends_with(search(data), 5, {"nowhere"}));
  BOOST_TEST(
      ends_with(search(data + "--hessian-scale foo"), 2, {"--hessian-scale: 'foo' is not a finite number (or auto)"}));
  BOOST_TEST(ends_with(search(data + "--hessian-scale -1"), 2, {"--hessian-scale: '-1' is too small", "(or auto)"}));
  BOOST_TEST(ends_with(search(data + "--hessian-check 4 --hessian-bn frozen"), 2, {"--hessian-check", "frozen"}));
  for (const std::string mode : {"gauss_newton", "recursion"})
    BOOST_TEST(ends_with(search(data + "--hessian-check 4 --hessian " + mode), 2, {"--hessian-check", "exact"}));
  BOOST_TEST(ends_with(search(data + "--method balenas-von --hessian recursion"), 2, {"batch statistics", "exact"}));
  BOOST_TEST(ends_with(search(data + "--hessian-bn batch --hessian recursion"), 2, {"batch statistics", "running"}));
}

BOOST_AUTO_TEST_CASE(seeds_of_a_comparison_are_different_numbers) {
  const auto compare = [&](const std::string& seeds) {
    return run_program(path(), "compare", kTrain + "--out compared --seeds " + seeds);
  };
  BOOST_TEST(ends_with(compare("1,,2"), 2, {"--seeds", "''", "is no seed"}));
  BOOST_TEST(ends_with(compare("2,1,2"), 2, {"seed 2 twice"}));
  BOOST_TEST(!fs::exists(path() / "compared"));
}

BOOST_AUTO_TEST_CASE(impossible_networks) {
  // 18 is halved to 9, which the second reduction cannot halve.
  BOOST_TEST(ends_with(run_program(path(), "train", "--genotype DARTS_V1 --image-size 18 --cells 8 --channels 2"), 2,
                       {"9x9", "18", "divisible by 4"}));
  BOOST_TEST(ends_with(run_program(path(), "search", "--cells 2 --channels 2 --train-size 100"), 2, {"--cells 3"}));
}

BOOST_AUTO_TEST_CASE(more_data_than_there_is) {
  BOOST_TEST(ends_with(search("--valid-size 100000000"), 2, {"100000000"}));
  BOOST_TEST(ends_with(run_program(path(), "search", "--train-size 20 --batch-size 64"), 2, {"64", "--batch-size"}));
  BOOST_TEST(ends_with(run_program(path(), "train", "--genotype DARTS_V1 --train-size 20 --batch-size 64"), 2,
                       {"64", "20", "--batch-size"}));
}

BOOST_AUTO_TEST_CASE(too_little_memory_is_refused_before_anything_is_written) {
  BOOST_TEST(ends_with(search("--memory-limit 500KB --out run"), 2, {"500000", "--memory-limit"}));
  BOOST_TEST(ends_with(train("--memory-limit 500KB --out run"), 2, {"500000", "--memory-limit"}));
  BOOST_TEST(!fs::exists(path() / "run"));
}

BOOST_AUTO_TEST_CASE(the_smallest_limit_that_a_refusal_names_is_enough_and_splits_the_batch) {
  const auto smallest = [](const Outcome& refused) {
    const std::string before = "at least ";
    const std::size_t at = refused.err.find(before);
    BOOST_REQUIRE(at != std::string::npos);
    return std::to_string(std::stoull(refused.err.substr(at + before.size())));
  };
  // Large enough for an image to count, with a Hessian of one image, so that the step is what needs most. The scratch
  // of a second thread, which may or may not come to be, would move the plan of a network as small as this by a tenth.
  const std::string sizes = "--threads 1 --train-size 8 --test-size 8 --channels 16 --cells 3 --batch-size 8 ";
  for (const auto& [name, options] :
       {std::pair{"search", sizes + "--nodes 2 --hessian-size 1 --hessian-refresh 1 --warmup-epochs 0 "},
        std::pair{"train", sizes + "--genotype DARTS_V1 --epochs 1 "}}) {
    const std::string limit = smallest(run_program(path(), name, options + "--memory-limit 500KB"));
    BOOST_TEST(ends_with(run_program(path(), name, options + "--out " + name + " --memory-limit " + limit), 0,
                         {"8 images 1 at a time in 8 parts"}));
  }
}

BOOST_AUTO_TEST_CASE(folder_that_exists_is_left_untouched) {
  fs::create_directory(path() / "run");
  std::ofstream(path() / "run/notes.txt") << "mine";
  BOOST_TEST(ends_with(search("--out run"), 2, {"run exists", "--overwrite"}));
  BOOST_TEST(ends_with(search("--out run --overwrite"), 2, {"not the folder of a run"}));
  BOOST_TEST(content(path() / "run/notes.txt") == "mine");
  BOOST_TEST(std::distance(fs::directory_iterator(path() / "run"), {}) == 1);
}

BOOST_AUTO_TEST_CASE(missing_and_damaged_data) {
  const std::string cifar = "--genotype DARTS_V1 --dataset cifar10 --channels 2 --cells 3 --batch-size 2 --epochs 1 ";
  BOOST_TEST(ends_with(run_program(path(), "train", cifar), 5, {"--data", "cifar-10-binary.tar.gz"}));
  BOOST_TEST(ends_with(run_program(path(), "train", cifar + "--data nowhere"), 5, {"nowhere"}));
  write_small_cifar(path());
  BOOST_TEST(run_program(path(), "train", cifar + "--data . --out sound").exit_code == 0);

  fs::resize_file(path() / "data_batch_3.bin", 3073 + 500);
  BOOST_TEST(ends_with(run_program(path(), "train", cifar + "--data ."), 5, {"data_batch_3.bin", "3573", "3073"}));
  write_small_cifar(path());
  std::fstream(path() / "data_batch_2.bin", std::ios::binary | std::ios::in | std::ios::out).seekp(3073).put('\x0b');
  BOOST_TEST(ends_with(run_program(path(), "train", cifar + "--data ."), 5, {"data_batch_2.bin", "label 11"}));
}

BOOST_AUTO_TEST_CASE(damaged_and_hostile_checkpoints) {
  const auto evaluate = [&](const std::string& file) {
    return run_program(path(), "evaluate", file + " --image-size 16 --test-size 16");
  };
  BOOST_REQUIRE(train("--out run").exit_code == 0);
  const fs::path good = path() / "run/checkpoints/last.safetensors";
  BOOST_TEST(evaluate("run").exit_code == 0);

  fs::copy_file(good, path() / "cut");
  fs::resize_file(path() / "cut", fs::file_size(good) - 100);
  BOOST_TEST(ends_with(evaluate("cut"), 6, {"cut"}));
  std::ofstream(path() / "huge", std::ios::binary) << std::string(8, '\xff') << "{}";
  BOOST_TEST(ends_with(evaluate("huge"), 6, {"huge"}));
  write_safetensors(path() / "overlap",
                    R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                    R"("b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
                    12);
  BOOST_TEST(ends_with(evaluate("overlap"), 6, {"overlap"}));
  write_safetensors(path() / "overflow",
                    R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,0]}})", 0);
  BOOST_TEST(ends_with(evaluate("overflow"), 6, {"overflow"}));
  write_safetensors(path() / "twice",
                    R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                    R"("a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                    2);
  BOOST_TEST(ends_with(evaluate("twice"), 6, {"twice"}));
  write_safetensors(path() / "foreign", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1);
  BOOST_TEST(ends_with(evaluate("foreign"), 6, {"foreign", "no checkpoint of this program"}));
  BOOST_TEST(ends_with(evaluate("nowhere"), 6, {"nowhere"}));
}

BOOST_AUTO_TEST_CASE(checkpoint_that_describes_an_absurd_network) {
  BOOST_REQUIRE(train("--out run").exit_code == 0);
  // Without the digest, which would tell before anything else that the file was changed.
  std::string good = content(path() / "run/checkpoints/last.safetensors");
  const std::size_t digest = good.find("\"digest\"");
  good.replace(digest, 8, "\"digesT\"");
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string bytes = good;
    const std::size_t at = bytes.find(from);
    BOOST_REQUIRE(at != std::string::npos);
    bytes.replace(at, from.size(), to);
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), 8);
    length += to.size() - from.size();
    std::memcpy(bytes.data(), &length, 8);
    std::ofstream(path() / "bad", std::ios::binary) << bytes;
    return run_program(path(), "evaluate", "bad --image-size 16 --test-size 16");
  };
  BOOST_TEST(ends_with(with(R"(\"cells\":3,)", R"(\"cells\":3000000000,)"), 6, {"3000000000 cells"}));
  BOOST_TEST(ends_with(with(R"(\"channels\":2,)", R"(\"channels\":2000000,)"), 6, {"checkpoint"}));
  BOOST_TEST(ends_with(with(R"(\"channels\":2,)", R"(\"channels\":-2,)"), 6, {"channels -2"}));
  BOOST_TEST(ends_with(with(R"(\"channels\":2,)", R"(\"channels\":4,)"), 6, {"another network"}));
  BOOST_TEST(ends_with(with(R"(\"style\":\"darts\")", R"(\"style\":\"none\")"), 6, {"none"}));
}

BOOST_AUTO_TEST_CASE(checkpoint_of_another_network) {
  BOOST_REQUIRE(train("--out run").exit_code == 0);
  BOOST_REQUIRE(run_program(path(), "train", "--genotype DARTS_V2 --epochs 1 --out other " + kSizes).exit_code == 0);
  fs::copy_file(path() / "other/checkpoints/last.safetensors", path() / "run/checkpoints/last.safetensors",
                fs::copy_options::overwrite_existing);
  BOOST_TEST(ends_with(run_program(path(), "train", "--resume run"), 6, {"another network"}));
  BOOST_TEST(ends_with(run_program(path(), "evaluate", "other --image-size 32"), 2, {"16x16", "32x32"}));
  BOOST_TEST(ends_with(run_program(path(), "hessian", "other --image-size 16"), 2, {"--over weights"}));
}

BOOST_AUTO_TEST_CASE(full_disk_ends_with_1_and_the_run_goes_on_when_there_is_room) {
  // A limit on file sizes stands for the disk: the checkpoint passes it, the other files do not.
  const Outcome full = run_program(path(), "train", kTrain + "--out run", "trap '' XFSZ; ulimit -f 32;");
  BOOST_TEST(ends_with(full, 1, {"last.safetensors"}));
  BOOST_TEST(fs::is_empty(path() / "run/checkpoints") == false);
  for (const auto& entry : fs::directory_iterator(path() / "run/checkpoints"))
    BOOST_TEST(entry.path().filename() == "metrics.json");
  BOOST_TEST(run_program(path(), "train", "--resume run").exit_code == 0);
  BOOST_TEST(train("--out whole").exit_code == 0);
  BOOST_TEST(
      (content(path() / "run/checkpoints/last.safetensors") == content(path() / "whole/checkpoints/last.safetensors")));
}

BOOST_AUTO_TEST_CASE(divergence_ends_with_4_and_names_the_step) {
  BOOST_TEST(ends_with(search("--lr 1e30 --out run"), 4, {"step", "lower --lr"}));
  BOOST_TEST(ends_with(train("--lr 1e30 --out run2"), 4, {"step", "lower --lr"}));
  BOOST_TEST(contains(content(path() / "run/run.json"), "\"exit\": 4"));
}

BOOST_AUTO_TEST_CASE(lambda_that_prunes_everything_ends_with_2) {
  BOOST_TEST(ends_with(search("--lambda 1e4 --proximal --out run"), 2, {"lambda is too large", "smaller lambda"}));
  BOOST_TEST(!fs::exists(path() / "run/genotype.json"));
}

BOOST_AUTO_TEST_CASE(lambda_that_makes_switches_jump_is_warned_of) {
  BOOST_TEST(ends_with(search("--lambda 1e4 --dry-run"), 0, {}));
  BOOST_TEST(ends_with(search("--lambda 1e4 --out run"), 0, {"warning", "--proximal"}));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham
