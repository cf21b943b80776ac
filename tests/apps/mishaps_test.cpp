// What goes wrong around a run: memory that ends, disks that fill up or take nothing, folders that vanish. One sentence
// tells it, nothing that was written is lost, and the run goes on once the place is right again. labels: slow
#include <sys/resource.h>

#include "tests/apps/program.h"
#include "tests/data/samples.h"
#include "tests/engine/address_limit.h"

namespace ockham {
namespace {

namespace fs = std::filesystem;
using test::content;
using test::ends_with;
using test::Outcome;
using test::Program;
using test::run_program;
using test::TemporaryFolder;

const std::string kData = "--genotype DARTS_V1 --cells 3 --valid-size 16 --test-size 40 ";
const std::string kTrain = kData + "--train-size 32 --image-size 16 --channels 4 --batch-size 8 ";

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
  /// Such as "size=8m", "ro".
  void remount(const std::string& options) const {
    BOOST_REQUIRE(run("mount -o remount," + options + " '" + place_ + "'"));
  }

 private:
  static bool run(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()) == 0; }
  std::string place_;
  bool is_there_ = false;
};

/// Did it end with this code, after one complaint that holds these parts?
bool complains_once(const Outcome& outcome, int exit_code, std::initializer_list<std::string_view> parts) {
  std::size_t complaints = 0;
  for (std::size_t at = outcome.err.find("ockham-train: "); at != std::string::npos;
       at = outcome.err.find("ockham-train: ", at + 1))
    ++complaints;
  if (complaints != 1)
    BOOST_TEST_MESSAGE(complaints << " complaints: " << outcome.err);
  return ends_with(outcome, exit_code, parts) && complaints == 1;
}

/// cuBLAS alone maps more than the limits of these tests, and keeps some in reserve.
boost::test_tools::assertion_result program_is_small(boost::unit_test::test_unit_id) {
  const TemporaryFolder folder;
  boost::test_tools::assertion_result result(
      run_program(folder.path(), "train", "--version", "ulimit -v 65536;").exit_code == 0);
  result.message() << "the libraries of this build do not fit into 64 MiB";
  return result;
}

/// The folder of a test, and the runs in it.
struct Mishaps : TemporaryFolder {
  Outcome train(const std::string& arguments, const std::string& before = "") const {
    return run_program(path(), "train", arguments, before);
  }
  fs::path last() const { return path() / "run/checkpoints/last.safetensors"; }
  void require_same(const fs::path& a, const fs::path& b) const {
    for (const char* checkpoint : {"checkpoints/last.safetensors", "checkpoints/best.safetensors"})
      BOOST_TEST(content(path() / a / checkpoint) == content(path() / b / checkpoint), checkpoint);
    BOOST_TEST((test::metrics(path() / a) == test::metrics(path() / b)));
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(mishaps, Mishaps)

BOOST_AUTO_TEST_CASE(too_little_memory_from_the_start_is_told_in_one_sentence,
                     *boost::unit_test::precondition(test::system_rations) *
                         boost::unit_test::precondition(program_is_small)) {
  // Threads, maps, and what libraries take: whatever asks first gets the refusal.
  const std::string large = kData + "--channels 32 --image-size 32 --train-size 512 --batch-size 512 --epochs 1 ";
  for (const int mebi : {64, 128, 192, 384}) {
    fs::remove_all(path() / "run");
    BOOST_TEST(
        complains_once(train(large + "--out run", "ulimit -v " + std::to_string(1024 * mebi) + ";"), 1, {"memory"}),
        mebi << " MiB");
  }
}

BOOST_AUTO_TEST_CASE(memory_that_ends_in_mid_run_leaves_the_last_checkpoint,
                     *boost::unit_test::precondition(test::system_rations) *
                         boost::unit_test::precondition(program_is_small)) {
  // Before the last epoch there is no more memory than is in use, and that epoch needs sixteen times the maps: more
  // than any library keeps in reserve.
  const std::string options = kData +
                              "--train-size 256 --batch-size 256 --image-size 32 --channels 32 --early-size 8 "
                              "--early-epochs 20 --epochs 21 ";
  Program program(path(), "train", options + "--out run");
  BOOST_REQUIRE(program.wait_until([&] { return fs::exists(last()); }));
  program.limit(RLIMIT_AS, program.address_space());
  BOOST_TEST(complains_once(program.wait(), 1, {"memory"}));
  BOOST_TEST(ends_with(run_program(path(), "evaluate", "run"), 0, {}));
  BOOST_REQUIRE(ends_with(train("--resume run"), 0, {}));
  BOOST_REQUIRE(train(options + "--out whole").exit_code == 0);
  require_same("run", "whole");
}

BOOST_AUTO_TEST_CASE(full_disk_ends_with_one_line_and_the_run_goes_on_when_there_is_room) {
  const SmallDisk disk(path() / "disk");
  if (!disk.is_there())
    return test::skip("no tmpfs can be mounted here: that needs root");
  const std::string options = kTrain + "--epochs 3 --tensorboard ";
  BOOST_REQUIRE(train(options + "--out whole").exit_code == 0);
  const auto full = train(options + "--out disk/run");
  BOOST_TEST(ends_with(full, 1, {"No space left on device", "make room there"}));
  BOOST_TEST(!test::contains(full.err, "internal error"));
  disk.remount("size=8m");
  BOOST_REQUIRE(ends_with(train("--resume disk/run"), 0, {}));
  require_same("whole", "disk/run");
}

BOOST_AUTO_TEST_CASE(a_folder_that_takes_no_files_is_told_by_its_own_reason) {
  const SmallDisk disk(path() / "disk");
  if (!disk.is_there())
    return test::skip("no tmpfs can be mounted here: that needs root");
  disk.remount("size=8m");
  BOOST_REQUIRE(train(kTrain + "--epochs 1 --out disk/run").exit_code == 0);
  disk.remount("ro");
  BOOST_TEST(complains_once(train(kTrain + "--epochs 1 --out disk/other"), 1,
                            {"disk/other", "Read-only file system", "another --out"}));
  BOOST_TEST(complains_once(train(kTrain + "--epochs 1 --out disk/run --overwrite"), 1,
                            {"Read-only file system", "mounted for writing"}));
  const Outcome resumed = train("--resume disk/run");
  BOOST_TEST(complains_once(resumed, 1, {"Read-only file system", "mounted for writing"}));
  BOOST_TEST(!test::contains(resumed.err, "make room"));
  BOOST_TEST(ends_with(run_program(path(), "evaluate", "disk/run"), 0, {}));  // which writes nothing
  disk.remount("rw");
  BOOST_TEST(ends_with(train("--resume disk/run"), 0, {"finished"}));
}

BOOST_AUTO_TEST_CASE(pictures_that_vanish_in_mid_run_end_it_with_5_and_it_goes_on_when_they_are_back) {
  for (const char* part : {"train", "val"}) {
    for (const char* name : {"cat", "dog"})
      for (std::uint8_t i = 0; i < 4; ++i)
        test::write_bytes(path() / "pictures" / part / name / (std::to_string(i) + ".png"),
                          test::png(40, 36, i, 200, 100));
  }
  const std::string options =
      "--dataset folder --data pictures --image-size 16 --genotype DARTS_V1 --channels 2 --cells 3 --batch-size 4 "
      "--epochs 100000 ";
  Program program(path(), "train", options + "--out run");
  BOOST_REQUIRE(program.wait_until([&] { return fs::exists(last()); }));
  fs::rename(path() / "pictures", path() / "elsewhere");
  BOOST_TEST(complains_once(program.wait(), 5, {"pictures", ".png"}));
  BOOST_TEST(complains_once(train("--resume run"), 5, {"pictures"}));
  BOOST_TEST(ends_with(run_program(path(), "evaluate", "run --data elsewhere"), 0, {}));
  Program moved(path(), "train", "--resume run --data elsewhere");
  const std::string before = content(last());
  BOOST_REQUIRE(moved.wait_until([&] { return content(last()) != before; }));
  moved.send(SIGTERM);
  BOOST_TEST(moved.wait().exit_code == 75);
}

BOOST_AUTO_TEST_CASE(a_run_whose_folder_is_moved_ends_and_goes_on_there) {
  Program program(path(), "train", kTrain + "--epochs 100000 --tensorboard --out run");
  BOOST_REQUIRE(program.wait_until([&] { return fs::exists(last()); }));
  fs::rename(path() / "run", path() / "moved");
  BOOST_TEST(complains_once(program.wait(), 1, {"removed, renamed or replaced", "--resume"}));
  BOOST_TEST(!fs::exists(path() / "run"));
  Program moved(path(), "train", "--resume moved");
  const std::string before = content(path() / "moved/checkpoints/last.safetensors");
  BOOST_REQUIRE(moved.wait_until([&] { return content(path() / "moved/checkpoints/last.safetensors") != before; }));
  moved.send(SIGTERM);
  BOOST_TEST(moved.wait().exit_code == 75);
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham
