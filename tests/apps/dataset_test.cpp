// Folders of pictures as a user gives them to the programs: what is left out is said, what is bad ends with 5.
#include "tests/apps/program.h"
#include "tests/data/samples.h"

namespace ockham {
namespace {

using namespace test;
namespace fs = std::filesystem;

constexpr const char* kTrain =
    "--dataset folder --data . --image-size 32 --genotype DARTS_V2 --channels 4 --cells 2 --drop-path-prob 0 "
    "--threads 1 --epochs 1 --batch-size 4 --out run ";

/// train/ and test/ with four pictures for each of the classes cat and dog.
struct Pictures : TemporaryFolder {
  Pictures() {
    put_part("train");
    put_part("test");
  }

  void put_part(const fs::path& part) const {
    for (const char* name : {"cat", "dog"})
      for (std::uint8_t i = 0; i < 4; ++i)
        write_bytes(path() / part / name / (std::to_string(i) + ".png"), png(40, 36, i, 200, 100));
  }
  /// The first bytes of a picture and no more.
  void put_broken(const fs::path& place) const {
    write_bytes(path() / place, png(40, 36, 1, 2, 3));
    fs::resize_file(path() / place, 50);
  }

  Outcome dataset(const std::string& arguments) const {
    return run_program(path(), "dataset", arguments + " --dataset folder --data . --json");
  }
  Outcome train(const std::string& more) const { return run_program(path(), "train", kTrain + more); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(dataset, Pictures)

BOOST_AUTO_TEST_CASE(info_says_what_is_no_picture_and_what_is_not_read) {
  write_text(path() / "train/cat/notes.txt", "no picture");
  put_part("drafts");
  const Outcome outcome = dataset("info");
  BOOST_TEST(outcome.exit_code == 0);
  BOOST_TEST(contains(outcome.out, "left out 1 file that is no picture of a class: ./train/cat/notes.txt"));
  BOOST_TEST(contains(outcome.out, "left out 1 folder that is no part: ./drafts"));
  BOOST_TEST(summary(outcome)["train"]["images"] == 8);
  BOOST_TEST(summary(outcome)["train"]["left_out"]["files"].size() == 1u);
  BOOST_TEST(summary(outcome)["test"]["left_out"]["files"].empty());
  BOOST_TEST(!summary(outcome).contains("valid"));
}

BOOST_AUTO_TEST_CASE(verify_keeps_to_the_image_size) {
  const Outcome outcome = dataset("verify --image-size 16");
  BOOST_TEST(outcome.exit_code == 0);
  BOOST_TEST(contains(outcome.out, "sound: all 16 images can be read"));
  BOOST_TEST(summary(outcome)["train"]["shape"] == (std::vector<int>{3, 16, 16}));
  BOOST_TEST(dataset("verify --image-size 4").exit_code == 2);
}

BOOST_AUTO_TEST_CASE(verify_names_every_bad_picture_and_ends_with_5) {
  for (int i = 0; i < 5; ++i)
    put_broken("test/dog/broken" + std::to_string(i) + ".png");
  for (const char* more : {"", " --on-bad-image skip"}) {
    const Outcome outcome = dataset(std::string("verify") + more);
    BOOST_TEST(outcome.exit_code == 5);
    BOOST_TEST(contains(outcome.out, "NOT sound: 5 of 21 images are bad"));
    for (int i = 0; i < 5; ++i)
      BOOST_TEST(contains(outcome.out, "bad: folder: ./test/dog/broken" + std::to_string(i) + ".png (50 bytes)"));
    BOOST_TEST(summary(outcome)["sound"] == false);
    BOOST_TEST(summary(outcome)["test"]["left_out"]["bad_images"].size() == 5u);
  }
}

BOOST_AUTO_TEST_CASE(sample_draws_from_a_validation_part) {
  BOOST_TEST(dataset("sample none.png --split valid").exit_code == 2);
  put_part("val");
  const Outcome outcome = dataset("sample valid.png --split valid");
  BOOST_TEST(outcome.exit_code == 0);
  BOOST_TEST(contains(outcome.out, "8 of the 8 valid images"));
}

BOOST_AUTO_TEST_CASE(training_refuses_bad_data_before_it_makes_a_run) {
  fs::create_symlink("gone.png", path() / "test/dog/9.png");
  BOOST_TEST(ends_with(train(""), 5, {"1 bad pictures", "test/dog/9.png", "gone.png", "--on-bad-image skip"}));
  fs::remove(path() / "test/dog/9.png");
  fs::create_directory(path() / "train/fox");
  BOOST_TEST(ends_with(train(""), 5, {"'fox'", "./test"}));
  fs::create_directory(path() / "test/fox");
  BOOST_TEST(ends_with(train(""), 5, {"no pictures", "train/fox"}));
  BOOST_TEST(!fs::exists(path() / "run"));
}

BOOST_AUTO_TEST_CASE(training_goes_on_without_bad_pictures_where_asked_and_says_so) {
  put_broken("train/cat/broken.png");
  write_text(path() / "train/cat/list.csv", "a,b");
  const Outcome refused = train("");
  BOOST_TEST(ends_with(refused, 5, {"train/cat/broken.png (50 bytes)"}));
  const Outcome done = train("--overwrite --on-bad-image skip");
  BOOST_TEST(done.exit_code == 0);
  for (const std::string& text : {done.err, content(path() / "run/log.txt")}) {
    BOOST_TEST(contains(text, "left out 1 bad picture: folder: ./train/cat/broken.png (50 bytes)"));
    BOOST_TEST(contains(text, "left out 1 file that is no picture of a class: ./train/cat/list.csv"));
  }
  const auto data = nlohmann::json::parse(content(path() / "run/run.json"))["data"];
  BOOST_TEST(data["train"]["images"] == 8);
  BOOST_TEST(data["left_out"]["bad_images"] == 1);
  BOOST_TEST(data["left_out"]["files"] == 1);
}

BOOST_AUTO_TEST_CASE(validation_part_is_used_as_it_is) {
  put_part("Valid");
  BOOST_TEST(train("--valid-size 6").exit_code == 0);
  const auto data = nlohmann::json::parse(content(path() / "run/run.json"))["data"];
  BOOST_TEST(data["train"]["images"] == 8);
  BOOST_TEST(data["valid"]["images"] == 6);
  BOOST_TEST(ends_with(train("--overwrite --valid-size 9"), 2, {"9 validation", "8 are there"}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ockham
