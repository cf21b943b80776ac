#include "data/folder.h"

#include <sys/stat.h>

#include "data/error.h"
#include "tests/data/samples.h"
#include "tests/support.h"

using namespace ockham::data;
using namespace ockham::test;

namespace {

constexpr FolderOptions kSmall{.fit = {.side = 8}};

/// train/ with classes b (2 pictures), a (1), B (1) and val/ with one of each.
void write_tree(const std::filesystem::path& dir) {
  write_bytes(dir / "train/b/2.png", png(8, 8, 2, 0, 0));
  write_bytes(dir / "train/b/10.png", png(8, 12, 10, 0, 0));
  write_bytes(dir / "train/a/1.jpg", png(16, 16, 1, 2, 3));
  write_bytes(dir / "train/B/1.png", png(8, 8, 66, 0, 0));
  write_bytes(dir / "train/b/.hidden", {1});
  write_bytes(dir / "val/b/1.png", png(8, 8, 7, 0, 0));
  write_bytes(dir / "val/a/1.png", png(8, 8, 8, 0, 0));
  write_bytes(dir / "val/B/1.png", png(8, 8, 9, 0, 0));
}

/// One picture of that red.
void put(const std::filesystem::path& path, std::uint8_t red = 1) {
  write_bytes(path, png(8, 8, red, 0, 0));
}

/// Pictures of the classes cat and dog.
void put_classes(const std::filesystem::path& part, std::uint8_t red = 1) {
  put(part / "cat/1.png", red);
  put(part / "dog/1.png", red);
}

DatasetPtr open_train(const std::filesystem::path& dir, Broken broken = Broken::kFail) {
  return open_folder(dir, Split::kTrain, {.fit = {.side = 8}, .broken = broken});
}

/// Paths without the folder of the test.
std::vector<std::string> below(const std::filesystem::path& dir, const std::vector<std::string>& paths) {
  std::vector<std::string> names;
  for (const std::string& path : paths)
    names.push_back(std::filesystem::path(path).lexically_relative(dir).string());
  return names;
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
  for (std::int64_t i = 0; i < train->size(); ++i) {
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
  BOOST_TEST(test->size() == 3);
  BOOST_TEST(test->class_names() == (std::vector<std::string>{"B", "a", "b"}), boost::test_tools::per_element());
  BOOST_TEST(test->label(2) == 2);
  BOOST_TEST(pixels_of(*test, 2).front() == 7);
}

BOOST_AUTO_TEST_CASE(without_val_the_split_is_disjoint_and_stays_when_files_come) {
  const TemporaryFolder dir;
  const auto add = [&](int first, int last) {
    for (int i = first; i < last; ++i)
      write_bytes(dir.path() / "class" / (std::to_string(i) + ".png"), png(8, 8, static_cast<std::uint8_t>(i), 0, 0));
  };
  const auto reds = [&](Split split) {
    const DatasetPtr dataset = open_folder(dir.path(), split, {.fit = {.side = 8}, .test_fraction = 0.3});
    std::vector<int> values;
    for (std::int64_t i = 0; i < dataset->size(); ++i)
      values.push_back(pixels_of(*dataset, i).front());
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
  std::filesystem::resize_file(dir.path() / "train/a/1.jpg", 40);  // the first bytes are those of a picture
  const DatasetPtr train = open_folder(dir.path(), Split::kTrain, kSmall);
  Bytes pixels(192);
  BOOST_CHECK_EXCEPTION(train->read(1, pixels), DataError, (Says{{"train/a/1.jpg", "40 bytes"}}));
}

BOOST_AUTO_TEST_CASE(broken_pictures_can_be_left_out_and_are_named) {
  const TemporaryFolder dir;
  write_tree(dir.path());
  write_text(dir.path() / "train/b/10.png", "not a picture");
  std::filesystem::resize_file(dir.path() / "val/a/1.png", 40);
  put(dir.path() / "val/a/2.png");
  const DatasetPtr train = open_train(dir.path(), Broken::kSkip);
  BOOST_TEST(train->size() == 3);
  BOOST_TEST(pixels_of(*train, 2).front() == 2);
  BOOST_TEST_REQUIRE(train->left_out().bad_images.size() == 1u);
  BOOST_TEST(train->left_out().bad_images[0].find("train/b/10.png") != std::string::npos);
  const DatasetPtr test = open_folder(dir.path(), Split::kTest, {.fit = {.side = 8}, .broken = Broken::kSkip});
  BOOST_TEST(test->size() == 3);
  BOOST_TEST_REQUIRE(test->left_out().bad_images.size() == 1u);
  BOOST_TEST(test->left_out().bad_images[0].find("val/a/1.png (40 bytes)") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(class_without_a_sound_picture_is_refused_when_bad_ones_are_skipped) {
  const TemporaryFolder dir;
  write_tree(dir.path());
  std::filesystem::resize_file(dir.path() / "train/a/1.jpg", 40);
  BOOST_CHECK_EXCEPTION(open_train(dir.path(), Broken::kSkip), DataError, (Says{{"no pictures", "train/a'"}}));
}

BOOST_AUTO_TEST_CASE(every_name_of_a_part_in_any_case_is_the_test_part) {
  for (const char* name : {"val", "Val", "valid", "VALID", "validation", "Validation", "test", "Test"}) {
    const TemporaryFolder dir;
    put_classes(dir.path() / "Train", 1);
    put_classes(dir.path() / name, 2);
    BOOST_TEST(pixels_of(*open_train(dir.path()), 0).front() == 1);
    BOOST_TEST(open_train(dir.path())->size() == 2);
    const DatasetPtr test = open_folder(dir.path(), Split::kTest, kSmall);
    BOOST_TEST(test->size() == 2);
    BOOST_TEST(pixels_of(*test, 0).front() == 2);
    BOOST_TEST((open_folder(dir.path(), Split::kValid, kSmall) == nullptr));
  }
}

BOOST_AUTO_TEST_CASE(validation_and_test_folders_are_each_their_part) {
  const TemporaryFolder dir;
  put_classes(dir.path() / "train", 1);
  put_classes(dir.path() / "valid", 2);
  put_classes(dir.path() / "TEST", 3);
  BOOST_TEST(pixels_of(*open_train(dir.path()), 1).front() == 1);
  BOOST_TEST(pixels_of(*open_folder(dir.path(), Split::kValid, kSmall), 1).front() == 2);
  BOOST_TEST(pixels_of(*open_folder(dir.path(), Split::kTest, kSmall), 1).front() == 3);
}

BOOST_AUTO_TEST_CASE(two_names_of_one_part_are_refused) {
  using Names = std::pair<const char*, const char*>;
  for (const auto& [a, b] :
       {Names{"val", "validation"}, Names{"Valid", "valid"}, Names{"Train", "train"}, Names{"TEST", "test"}}) {
    const TemporaryFolder dir;
    put_classes(dir.path() / "train");
    put_classes(dir.path() / a);
    put_classes(dir.path() / b);
    BOOST_CHECK_EXCEPTION(open_train(dir.path()), DataError, (Says{{a, b, "two names of one part"}}));
  }
}

BOOST_AUTO_TEST_CASE(folder_named_like_a_part_is_refused) {
  for (const char* name : {"training", "Testing", "test-images", "val_2", "dev", "my eval", "validate", "holdout"}) {
    const TemporaryFolder dir;
    put_classes(dir.path() / "train");
    put_classes(dir.path() / name);
    BOOST_CHECK_EXCEPTION(open_train(dir.path()), DataError, (Says{{"named like parts", name}}));
  }
  const TemporaryFolder dir;
  put_classes(dir.path() / "training");
  put_classes(dir.path() / "testing");
  BOOST_CHECK_EXCEPTION(open_train(dir.path()), DataError, (Says{{"'testing', 'training'", "into train/"}}));
}

BOOST_AUTO_TEST_CASE(class_may_be_named_like_a_part) {
  const TemporaryFolder dir;
  put(dir.path() / "train_station/1.png");
  put(dir.path() / "valley/1.png");
  const DatasetPtr train = open_folder(dir.path(), Split::kTrain, {.fit = {.side = 8}, .test_fraction = 0});
  BOOST_TEST(train->class_names() == (std::vector<std::string>{"train_station", "valley"}),
             boost::test_tools::per_element());
  const TemporaryFolder nested;
  put(nested.path() / "train/train/1.png");
  put(nested.path() / "train/test/1.png");
  BOOST_TEST(open_train(nested.path())->classes() == 2);
}

BOOST_AUTO_TEST_CASE(other_folders_beside_train_are_not_read_and_told) {
  const TemporaryFolder dir;
  put_classes(dir.path() / "train");
  put_classes(dir.path() / "test");
  put_classes(dir.path() / "annotations");
  put_classes(dir.path() / "valley");
  put_classes(dir.path() / "__MACOSX");
  const DatasetPtr train = open_train(dir.path());
  BOOST_TEST(below(dir.path(), train->left_out().folders) == (std::vector<std::string>{"annotations", "valley"}),
             boost::test_tools::per_element());
  BOOST_TEST(open_folder(dir.path(), Split::kTest, kSmall)->left_out().folders.empty());
}

BOOST_AUTO_TEST_CASE(links_that_lead_nowhere_are_bad_pictures) {
  const TemporaryFolder dir;
  put_classes(dir.path() / "train");
  put_classes(dir.path() / "test");
  std::filesystem::create_symlink("/no/such/place.jpg", dir.path() / "train/cat/gone");
  std::filesystem::create_symlink("self", dir.path() / "train/dog/self");
  std::filesystem::create_symlink("1.png", dir.path() / "train/dog/live");
  BOOST_CHECK_EXCEPTION(open_train(dir.path()), DataError,
                        (Says{{"2 bad pictures", "train/cat/gone", "/no/such/place.jpg", "train/dog/self", "skip"}}));
  const DatasetPtr train = open_train(dir.path(), Broken::kSkip);
  BOOST_TEST(train->size() == 3);
  BOOST_TEST(train->left_out().bad_images.size() == 2u);
}

BOOST_AUTO_TEST_CASE(link_in_place_of_a_class_or_part_that_leads_nowhere_is_refused) {
  for (const char* place : {"train/fox", "test/fox", "test"}) {
    const TemporaryFolder dir;
    put_classes(dir.path() / "train");
    if (std::string_view(place) != "test")
      put_classes(dir.path() / "test");
    std::filesystem::create_directory_symlink("/no/such/place", dir.path() / place);
    for (Broken broken : {Broken::kFail, Broken::kSkip})
      BOOST_CHECK_EXCEPTION(open_train(dir.path(), broken), DataError, (Says{{place, "/no/such/place"}}));
  }
}

BOOST_AUTO_TEST_CASE(folder_that_leads_back_to_itself_is_refused) {
  const TemporaryFolder dir;
  put_classes(dir.path());
  std::filesystem::create_directory_symlink("../cat", dir.path() / "cat/more");
  BOOST_CHECK_EXCEPTION(open_train(dir.path()), DataError, (Says{{"cat/more", "no end"}}));
}

BOOST_AUTO_TEST_CASE(class_without_pictures_is_refused_with_its_path) {
  for (const char* place : {"train/fox", "val/fox"}) {
    const TemporaryFolder dir;
    for (const char* part : {"train", "val"}) {
      put_classes(dir.path() / part);
      put(dir.path() / part / "fox/1.png");
    }
    std::filesystem::remove(dir.path() / place / "1.png");
    write_text(dir.path() / place / "notes.txt", "all gone");
    write_text(dir.path() / place / "Thumbs.db", "");
    const Split split = place[0] == 't' ? Split::kTrain : Split::kTest;
    BOOST_CHECK_EXCEPTION(open_folder(dir.path(), split, kSmall), DataError,
                          (Says{{"no pictures", place, "1 of 3 class folders"}}));
  }
}

BOOST_AUTO_TEST_CASE(class_that_the_hash_takes_from_training_is_refused) {
  const TemporaryFolder dir;
  put_classes(dir.path());
  BOOST_CHECK_EXCEPTION(open_folder(dir.path(), Split::kTrain, {.fit = {.side = 8}, .test_fraction = 1}), DataError,
                        (Says{{"no pictures", "2 of 2", "by a hash"}}));
}

BOOST_AUTO_TEST_CASE(class_that_only_train_has_is_refused) {
  const TemporaryFolder dir;
  write_tree(dir.path());
  put(dir.path() / "train/c/1.png");
  for (Split split : {Split::kTrain, Split::kTest})
    BOOST_CHECK_EXCEPTION(open_folder(dir.path(), split, kSmall), DataError, (Says{{"'c'", "4 classes", "/val"}}));
}

BOOST_AUTO_TEST_CASE(litter_of_systems_is_passed_over) {
  const TemporaryFolder dir;
  put_classes(dir.path());
  for (const char* name : {"cat/Thumbs.db", "cat/thumbs.DB", "cat/desktop.ini", "cat/.DS_Store", "cat/._1.png",
                           ".DS_Store", "cat/__MACOSX/._1.png", "__MACOSX/cat/._1.png", ".git/config"})
    write_text(dir.path() / name, "litter");
  const DatasetPtr train = open_folder(dir.path(), Split::kTrain, {.fit = {.side = 8}, .test_fraction = 0});
  BOOST_TEST(train->classes() == 2);
  BOOST_TEST(train->size() == 2);
  BOOST_TEST(train->left_out().files.empty());
}

BOOST_AUTO_TEST_CASE(files_that_are_no_pictures_are_not_counted_and_told) {
  const TemporaryFolder dir;
  put_classes(dir.path() / "train");
  put_classes(dir.path() / "test");
  put(dir.path() / "train/cat/named_otherwise.dat");
  put(dir.path() / "train/beside_the_classes.png");
  write_text(dir.path() / "train/cat/cat_boxes.txt", "0 0 1 1");
  write_text(dir.path() / "train/dog/film.gif", "GIF89a");
  write_text(dir.path() / "test/README", "");
  BOOST_TEST_REQUIRE(::mkfifo((dir.path() / "train/dog/pipe.png").c_str(), 0600) == 0);  // must not be waited for
  const DatasetPtr train = open_train(dir.path());
  BOOST_TEST(train->size() == 3);
  BOOST_TEST(
      below(dir.path() / "train", train->left_out().files) ==
          (std::vector<std::string>{"beside_the_classes.png", "cat/cat_boxes.txt", "dog/film.gif", "dog/pipe.png"}),
      boost::test_tools::per_element());
  const DatasetPtr test = open_folder(dir.path(), Split::kTest, kSmall);
  BOOST_TEST(below(dir.path(), test->left_out().files) == (std::vector<std::string>{"test/README"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_only_its_name_makes_a_picture_is_refused_with_its_beginning) {
  for (const char* name : {"a.jpg", "a.JPEG", "a.Png"}) {
    const TemporaryFolder dir;
    put_classes(dir.path());
    write_text(dir.path() / "cat" / name, "version https://git-lfs");
    BOOST_CHECK_EXCEPTION(open_train(dir.path()), DataError, (Says{{name, "23 bytes", "'version https://'"}}));
    write_text(dir.path() / "cat" / name, "");
    BOOST_CHECK_EXCEPTION(open_train(dir.path()), DataError, (Says{{name, "0 bytes"}}));
  }
}

BOOST_AUTO_TEST_CASE(many_bad_pictures_are_counted_and_the_first_named) {
  const TemporaryFolder dir;
  put_classes(dir.path());
  for (int i = 0; i < 7; ++i)
    write_text(dir.path() / "cat" / ("a" + std::to_string(i) + ".png"), "");
  BOOST_CHECK_EXCEPTION(open_train(dir.path()), DataError, (Says{{"7 bad pictures", "a0.png", "a2.png", "and more"}}));
}

BOOST_AUTO_TEST_CASE(pictures_may_lie_deeper) {
  const TemporaryFolder dir;
  for (const char* part : {"train", "val"}) {
    put(dir.path() / part / "n01/images/2.JPEG", 2);
    put(dir.path() / part / "n01/images/more/1.JPEG", 3);
    put(dir.path() / part / "n01/1.JPEG", 1);
    put(dir.path() / part / "n02/images/1.JPEG", 4);
  }
  const DatasetPtr train = open_train(dir.path());
  std::vector<int> reds, labels;
  for (std::int64_t i = 0; i < train->size(); ++i) {
    labels.push_back(train->label(i));
    reds.push_back(pixels_of(*train, i).front());
  }
  BOOST_TEST(labels == (std::vector<int>{0, 0, 0, 1}), boost::test_tools::per_element());
  BOOST_TEST(reds == (std::vector<int>{1, 2, 3, 4}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(folder_one_level_too_high_is_refused) {
  const TemporaryFolder dir;
  put_classes(dir.path() / "tiny/train");
  put_classes(dir.path() / "tiny/val");
  BOOST_CHECK_EXCEPTION(open_train(dir.path()), DataError, (Says{{"tiny/train", "the folder to give"}}));
  const TemporaryFolder other;
  put_classes(other.path() / "data");
  BOOST_CHECK_EXCEPTION(open_train(other.path()), DataError, (Says{{"one class", "2 folders", "'cat'"}}));
  put(other.path() / "data/1.png");
  BOOST_TEST(open_train(other.path())->classes() == 1);
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

BOOST_AUTO_TEST_CASE(digest_follows_contents_of_the_same_names_and_sizes) {
  const TemporaryFolder dir;
  write_tree(dir.path());
  const auto digest = [&] { return open_folder(dir.path(), Split::kTrain, kSmall)->digest(); };
  const std::string original = digest();
  const std::filesystem::path picture = dir.path() / "train/b/2.png";
  std::fstream(picture, std::ios::binary | std::ios::in | std::ios::out).seekp(-1, std::ios::end).put('\x7f');
  BOOST_TEST(digest() != original);
}

BOOST_AUTO_TEST_CASE(digest_follows_names_and_sizes) {
  const TemporaryFolder dir;
  write_tree(dir.path());
  const auto digest = [&] { return open_folder(dir.path(), Split::kTrain, kSmall)->digest(); };
  const std::string original = digest();
  std::filesystem::rename(dir.path() / "train/b/2.png", dir.path() / "train/b/3.png");
  const std::string renamed = digest();
  BOOST_TEST(renamed != original);
  std::filesystem::resize_file(dir.path() / "train/b/3.png", 40);
  BOOST_TEST(digest() != renamed);
}

BOOST_AUTO_TEST_SUITE_END()
