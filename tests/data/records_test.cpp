#include "data/records.h"

#include "data/error.h"
#include "tests/data/samples.h"
#include "tests/support.h"

using namespace ockham::data;
using namespace ockham::test;

namespace {

constexpr int kPixels = 3 * 4 * 4;
constexpr RecordOptions kSmall{.shape = {3, 4, 4}, .classes = 3};

/// train_1.bin with labels 0 and 2, train_2.bin with label 1, val.bin with label 2; first pixels 0, 1, 2, 9.
void write_parts(const std::filesystem::path& dir) {
  write_bytes(dir / "train_1.bin", joined({record({0}, kPixels, 0), record({2}, kPixels, 1)}));
  write_bytes(dir / "train_2.bin", record({1}, kPixels, 2));
  write_bytes(dir / "val.bin", record({2}, kPixels, 9));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(records)

BOOST_AUTO_TEST_CASE(files_of_a_part_come_in_order_of_their_names) {
  const TemporaryFolder dir;
  write_parts(dir.path());
  const DatasetPtr train = open_records(dir.path(), Split::kTrain, kSmall);
  BOOST_TEST(train->name() == "records");
  BOOST_TEST((train->shape() == ImageShape{3, 4, 4}));
  BOOST_TEST(train->size() == 3);
  BOOST_TEST(train->classes() == 3);
  for (const auto& [image, label] : {std::pair{0, 0}, {1, 2}, {2, 1}}) {
    BOOST_TEST(train->label(image) == label);
    BOOST_TEST(pixels_of(*train, image).front() == image);
  }
}

BOOST_AUTO_TEST_CASE(one_other_part_is_for_tests_and_of_two_one_for_validation) {
  const TemporaryFolder dir;
  write_parts(dir.path());
  BOOST_TEST((open_records(dir.path(), Split::kValid, kSmall) == nullptr));
  BOOST_TEST(pixels_of(*open_records(dir.path(), Split::kTest, kSmall), 0).front() == 9);
  write_bytes(dir.path() / "test.bin", record({0}, kPixels, 7));
  BOOST_TEST(pixels_of(*open_records(dir.path(), Split::kValid, kSmall), 0).front() == 9);
  BOOST_TEST(pixels_of(*open_records(dir.path(), Split::kTest, kSmall), 0).front() == 7);
}

BOOST_AUTO_TEST_CASE(last_label_byte_is_the_class) {
  const TemporaryFolder dir;
  write_bytes(dir.path() / "train.bin", record({200, 2}, kPixels, 5));
  RecordOptions options = kSmall;
  options.label_bytes = 2;
  const DatasetPtr train = open_records(dir.path(), Split::kTrain, options);
  BOOST_TEST(train->label(0) == 2);
  BOOST_TEST(pixels_of(*train, 0).front() == 5);
}

BOOST_AUTO_TEST_CASE(names_and_number_of_classes_come_from_the_list_beside_the_records) {
  const TemporaryFolder dir;
  write_parts(dir.path());
  const RecordOptions unknown{.shape = {3, 4, 4}};
  BOOST_CHECK_EXCEPTION(open_records(dir.path(), Split::kTrain, unknown), DataError, (Says{{"no classes.txt"}}));
  write_text(dir.path() / "classes.txt", "0\tn01\tgoldfish\r\n1\tn02\tred fox\n2\tn03\tyak\n");
  const std::vector<std::string> expected{"goldfish", "red fox", "yak"};
  BOOST_TEST(open_records(dir.path(), Split::kTrain, unknown)->class_names() == expected,
             boost::test_tools::per_element());
  write_text(dir.path() / "classes.txt", "goldfish\nred fox\nyak\n");
  BOOST_TEST(open_records(dir.path(), Split::kTrain, kSmall)->class_names() == expected,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(lists_of_classes_of_other_form_are_refused) {
  const TemporaryFolder dir;
  write_parts(dir.path());
  write_text(dir.path() / "classes.txt", "a\nb\n");
  BOOST_CHECK_EXCEPTION(open_records(dir.path(), Split::kTrain, kSmall), DataError,
                        (Says{{"classes.txt", "names 2", "expected 3"}}));
  write_text(dir.path() / "classes.txt", "0\ta\n2\tb\n1\tc\n");
  BOOST_CHECK_EXCEPTION(open_records(dir.path(), Split::kTrain, kSmall), DataError, (Says{{"label 1", "'2'"}}));
}

BOOST_AUTO_TEST_CASE(damage_is_told_with_file_record_and_offset) {
  const TemporaryFolder dir;
  write_parts(dir.path());
  write_bytes(dir.path() / "train_2.bin", joined({record({1}, kPixels, 2), record({3}, kPixels, 2)}));
  BOOST_CHECK_EXCEPTION(open_records(dir.path(), Split::kTrain, kSmall), DataError,
                        (Says{{"train_2.bin", "label 3", "record 1", "offset 49", "0 to 2"}}));
  write_bytes(dir.path() / "train_2.bin", Bytes(50));
  BOOST_CHECK_EXCEPTION(open_records(dir.path(), Split::kTrain, kSmall), DataError,
                        (Says{{"train_2.bin", "50 bytes", "record size 49 (1 for labels, 48 for pixels)"}}));
  write_bytes(dir.path() / "train_2.bin", {});
  BOOST_CHECK_THROW(open_records(dir.path(), Split::kTrain, kSmall), DataError);
}

BOOST_AUTO_TEST_CASE(missing_parts_and_impossible_options_are_refused) {
  const TemporaryFolder dir;
  BOOST_CHECK_EXCEPTION(open_records(dir.path(), Split::kTrain, kSmall), DataError, (Says{{"no train*.bin"}}));
  BOOST_CHECK_EXCEPTION(open_records(dir.path(), Split::kTest, kSmall), DataError, (Says{{"test*.bin or val*.bin"}}));
  BOOST_CHECK_THROW(open_records(dir.path() / "absent", Split::kTrain, kSmall), DataError);
  for (const RecordOptions& wrong : {RecordOptions{.shape = {3, 0, 0}},
                                     {.shape = {2, 4, 4}},
                                     {.shape = {3, 4, 5}},
                                     {.shape = {3, 4, 4}, .classes = 257},
                                     {.shape = {3, 4, 4}, .classes = 3, .label_bytes = 3}})
    BOOST_CHECK_THROW(open_records(dir.path(), Split::kTrain, wrong), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
