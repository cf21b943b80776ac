#include "data/folder.h"

#include "data/error.h"
#include "tests/data/samples.h"
#include "tests/support.h"

using namespace ockham::data;
using namespace ockham::test;

namespace {

constexpr FolderOptions kSmall{.image_size = 8};

/// train/ with classes b (2 pictures), a (1), B (1) and val/ with class b (1).
void write_tree(const std::filesystem::path& dir) {
  write_bytes(dir / "train/b/2.png", png(8, 8, 2, 0, 0));
  write_bytes(dir / "train/b/10.png", png(8, 12, 10, 0, 0));
  write_bytes(dir / "train/a/1.jpg", png(16, 16, 1, 2, 3));
  write_bytes(dir / "train/B/1.png", png(8, 8, 66, 0, 0));
  write_bytes(dir / "train/b/.hidden", {1});
  write_bytes(dir / "val/b/1.png", png(8, 8, 7, 0, 0));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(folder)

BOOST_AUTO_TEST_CASE(classes_and_files_are_sorted_by_bytes) {
  const TemporaryFolder dir;
  write_tree(dir.path());
  const DatasetPtr train = open_folder(dir.path(), Split::kTrain, kSmall);
  BOOST_TEST(train->class_names() == (std::vector<std::string>{"B", "a", "b"}), boost::test_tools::per_element());
  BOOST_TEST(train->size() == 4);
  std::vector<int> reds, labels;
  for (int64_t i = 0; i < train->size(); ++i) {
    labels.push_back(train->label(i));
    reds.push_back(pixels_of(*train, i).front());
  }
  BOOST_TEST(labels == (std::vector<int>{0, 1, 2, 2}), boost::test_tools::per_element());
  BOOST_TEST(reds == (std::vector<int>{66, 1, 10, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(val_takes_its_labels_from_train) {
  const TemporaryFolder dir;
  write_tree(dir.path());
  const DatasetPtr test = open_folder(dir.path(), Split::kTest, kSmall);
  BOOST_TEST(test->size() == 1);
  BOOST_TEST(test->classes() == 3);
  BOOST_TEST(test->label(0) == 2);
}

BOOST_AUTO_TEST_CASE(without_val_the_split_is_disjoint_and_stays_when_files_come) {
  const TemporaryFolder dir;
  const auto add = [&](int first, int last) {
    for (int i = first; i < last; ++i) {
      write_bytes(dir.path() / "class" / (std::to_string(i) + ".png"), png(8, 8, static_cast<uint8_t>(i), 0, 0));
    }
  };
  const auto reds = [&](Split split) {
    const DatasetPtr dataset = open_folder(dir.path(), split, {.image_size = 8, .test_fraction = 0.3});
    std::vector<int> values;
    for (int64_t i = 0; i < dataset->size(); ++i) {
      values.push_back(pixels_of(*dataset, i).front());
    }
    std::ranges::sort(values);
    return values;
  };
  add(0, 40);
  const std::vector<int> train = reds(Split::kTrain), test = reds(Split::kTest);
  BOOST_TEST(train.size() + test.size() == 40u);
  BOOST_TEST(test.size() > 4u);
  BOOST_TEST(test.size() < 24u);
  add(40, 80);
  const std::vector<int> more = reds(Split::kTest);
  BOOST_TEST(std::ranges::includes(more, test));
  std::vector<int> both;
  std::ranges::set_intersection(more, train, std::back_inserter(both));
  BOOST_TEST(both.empty());
}

BOOST_AUTO_TEST_CASE(broken_picture_fails_when_read_and_names_its_path) {
  const TemporaryFolder dir;
  write_tree(dir.path());
  write_bytes(dir.path() / "train/a/1.jpg", {});
  const DatasetPtr train = open_folder(dir.path(), Split::kTrain, kSmall);
  Bytes pixels(192);
  BOOST_CHECK_EXCEPTION(train->read(1, pixels), DataError, (Says{{"train/a/1.jpg", "0 bytes"}}));
  const std::vector<std::string> broken = find_broken_images(*train);
  BOOST_TEST_REQUIRE(broken.size() == 1u);
  BOOST_TEST(broken[0].find("a/1.jpg") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(broken_pictures_can_be_left_out) {
  const TemporaryFolder dir;
  write_tree(dir.path());
  write_text(dir.path() / "train/b/10.png", "not a picture");
  const DatasetPtr train = open_folder(dir.path(), Split::kTrain, {.image_size = 8, .broken = Broken::kSkip});
  BOOST_TEST(train->size() == 3);
  BOOST_TEST(pixels_of(*train, 2).front() == 2);
}

BOOST_AUTO_TEST_CASE(flat_val_is_refused_with_the_reason) {
  const TemporaryFolder dir;
  write_bytes(dir.path() / "train/a/1.png", png(8, 8, 1, 0, 0));
  write_bytes(dir.path() / "val/1.png", png(8, 8, 1, 0, 0));
  BOOST_CHECK_EXCEPTION(open_folder(dir.path(), Split::kTrain, kSmall), DataError,
                        (Says{{"val holds 1 files and no class folders", "mapping"}}));
}

BOOST_AUTO_TEST_CASE(class_that_only_val_has_is_refused) {
  const TemporaryFolder dir;
  write_tree(dir.path());
  write_bytes(dir.path() / "val/c/1.png", png(8, 8, 7, 0, 0));
  BOOST_CHECK_EXCEPTION(open_folder(dir.path(), Split::kTest, kSmall), DataError, (Says{{"'c'", "3 classes"}}));
}

BOOST_AUTO_TEST_CASE(missing_and_empty_folders_are_refused) {
  const TemporaryFolder dir;
  BOOST_CHECK_EXCEPTION(open_folder(dir.path() / "absent", Split::kTrain), DataError, (Says{{"is not a folder"}}));
  BOOST_CHECK_EXCEPTION(open_folder(dir.path(), Split::kTrain), DataError, (Says{{"no class folders"}}));
  std::filesystem::create_directories(dir.path() / "train/a");
  BOOST_CHECK_EXCEPTION(open_folder(dir.path(), Split::kTrain), DataError, (Says{{"no pictures", "training"}}));
  std::filesystem::create_directories(dir.path() / "other/val/a");
  BOOST_CHECK_EXCEPTION(open_folder(dir.path() / "other", Split::kTest), DataError, (Says{{"no train/"}}));
}

BOOST_AUTO_TEST_CASE(digest_follows_names_and_sizes) {
  const TemporaryFolder dir;
  write_tree(dir.path());
  const auto digest = [&] { return open_folder(dir.path(), Split::kTrain, kSmall)->digest(); };
  const std::string original = digest();
  std::filesystem::rename(dir.path() / "train/b/2.png", dir.path() / "train/b/3.png");
  const std::string renamed = digest();
  BOOST_TEST(renamed != original);
  std::filesystem::resize_file(dir.path() / "train/b/3.png", 5);
  BOOST_TEST(digest() != renamed);
}

BOOST_AUTO_TEST_SUITE_END()
