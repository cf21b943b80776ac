#include "data/cifar.h"

#include "data/error.h"
#include "tests/data/samples.h"
#include "tests/support.h"

using namespace ockham::data;
using namespace ockham::test;

namespace {

void change(const std::filesystem::path& file, const std::function<void(Bytes&)>& edit) {
  std::ifstream in(file, std::ios::binary);
  Bytes bytes{std::istreambuf_iterator<char>(in), {}};
  edit(bytes);
  write_bytes(file, bytes);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(cifar)

BOOST_AUTO_TEST_CASE(records_of_all_files_come_in_order) {
  const TemporaryFolder dir;
  write_cifar10(dir.path());
  const DatasetPtr train = open_cifar10(dir.path(), Split::kTrain);
  BOOST_TEST(train->size() == 10);
  BOOST_TEST(train->classes() == 10);
  BOOST_TEST(train->class_names()[9] == "truck");
  BOOST_TEST((train->shape() == ImageShape{3, 32, 32}));
  BOOST_TEST(train->label(4) == 3);
  BOOST_TEST(train->label(5) == 6);
  const Bytes pixels = pixels_of(*train, 5);
  BOOST_TEST(pixels.front() == 31);
  BOOST_TEST(pixels.back() == (31 + 3071) % 256);
}

BOOST_AUTO_TEST_CASE(folder_itself_is_accepted_and_names_are_optional) {
  const TemporaryFolder dir;
  write_cifar10(dir.path());
  std::filesystem::remove(dir.path() / "cifar-10-batches-bin/batches.meta.txt");
  const DatasetPtr test = open_cifar10(dir.path() / "cifar-10-batches-bin", Split::kTest);
  BOOST_TEST(test->size() == 2);
  BOOST_TEST(test->label(1) == 3);
  BOOST_TEST(test->class_names()[3] == "3");
}

BOOST_AUTO_TEST_CASE(cifar100_gives_the_fine_label) {
  const TemporaryFolder dir;
  write_bytes(dir.path() / "cifar-100-binary/test.bin", cifar_record({19, 99}, 5));
  const DatasetPtr test = open_cifar100(dir.path(), Split::kTest);
  BOOST_TEST(test->classes() == 100);
  BOOST_TEST(test->label(0) == 99);
  BOOST_TEST(pixels_of(*test, 0)[0] == 5);
}

BOOST_AUTO_TEST_CASE(truncated_file_is_refused_with_both_sizes) {
  const TemporaryFolder dir;
  write_cifar10(dir.path());
  change(dir.path() / "cifar-10-batches-bin/data_batch_3.bin", [](Bytes& bytes) { bytes.pop_back(); });
  BOOST_CHECK_EXCEPTION(open_cifar10(dir.path(), Split::kTrain), DataError,
                        (Says{{"data_batch_3.bin", "6145", "3073", "cut off"}}));
}

BOOST_AUTO_TEST_CASE(empty_file_is_refused) {
  const TemporaryFolder dir;
  write_cifar10(dir.path());
  change(dir.path() / "cifar-10-batches-bin/test_batch.bin", [](Bytes& bytes) { bytes.clear(); });
  BOOST_CHECK_EXCEPTION(open_cifar10(dir.path(), Split::kTest), DataError, (Says{{"test_batch.bin", "has 0 bytes"}}));
}

BOOST_AUTO_TEST_CASE(label_out_of_range_is_refused_with_record_and_offset) {
  const TemporaryFolder dir;
  write_cifar10(dir.path());
  change(dir.path() / "cifar-10-batches-bin/data_batch_2.bin", [](Bytes& bytes) { bytes[3073] = 10; });
  BOOST_CHECK_EXCEPTION(open_cifar10(dir.path(), Split::kTrain), DataError,
                        (Says{{"data_batch_2.bin", "label 10", "record 1", "offset 3073", "0 to 9"}}));
}

BOOST_AUTO_TEST_CASE(coarse_label_out_of_range_is_refused) {
  const TemporaryFolder dir;
  write_bytes(dir.path() / "train.bin", cifar_record({20, 0}, 0));
  BOOST_CHECK_EXCEPTION(open_cifar100(dir.path(), Split::kTrain), DataError,
                        (Says{{"train.bin", "label 20", "0 to 19"}}));
}

BOOST_AUTO_TEST_CASE(missing_batch_is_named) {
  const TemporaryFolder dir;
  write_cifar10(dir.path());
  std::filesystem::remove(dir.path() / "cifar-10-batches-bin/data_batch_4.bin");
  BOOST_CHECK_EXCEPTION(open_cifar10(dir.path(), Split::kTrain), DataError,
                        (Says{{"data_batch_4.bin", "does not exist"}}));
}

BOOST_AUTO_TEST_CASE(missing_folder_tells_where_the_archive_is) {
  const TemporaryFolder dir;
  BOOST_CHECK_EXCEPTION(
      open_cifar10(dir.path(), Split::kTrain), DataError,
      (Says{{dir.path().native(), "cifar-10-binary.tar.gz", "170052171", "c32a1d4ab5d03f1284b67883e8d87530"}}));
  BOOST_CHECK_EXCEPTION(open_cifar100(dir.path() / "absent", Split::kTrain), DataError,
                        (Says{{"cifar-100-binary.tar.gz", "168513733", "03b5dce01913d631647c71ecec9e9cb8"}}));
}

BOOST_AUTO_TEST_CASE(packed_archive_in_the_folder_is_to_be_unpacked) {
  const TemporaryFolder dir;
  write_text(dir.path() / "cifar-10-binary.tar.gz", "");
  BOOST_CHECK_EXCEPTION(open_cifar10(dir.path(), Split::kTrain), DataError, (Says{{"tar -xzf"}}));
}

BOOST_AUTO_TEST_CASE(wrong_number_of_names_is_refused) {
  const TemporaryFolder dir;
  write_cifar10(dir.path());
  write_text(dir.path() / "cifar-10-batches-bin/batches.meta.txt", "cat\ndog\n");
  BOOST_CHECK_EXCEPTION(open_cifar10(dir.path(), Split::kTest), DataError, (Says{{"batches.meta.txt", "2", "10"}}));
}

BOOST_AUTO_TEST_CASE(folder_in_place_of_a_file_is_refused) {
  const TemporaryFolder dir;
  std::filesystem::create_directories(dir.path() / "test.bin");
  BOOST_CHECK_EXCEPTION(open_cifar100(dir.path(), Split::kTest), DataError, (Says{{"not a regular file"}}));
}

BOOST_AUTO_TEST_CASE(wrong_index_and_buffer_are_refused) {
  const TemporaryFolder dir;
  write_cifar10(dir.path());
  const DatasetPtr test = open_cifar10(dir.path(), Split::kTest);
  Bytes pixels(3072), small(3071);
  BOOST_CHECK_EXCEPTION(test->read(2, pixels), std::out_of_range, (Says{{"image 2 of 2"}}));
  BOOST_CHECK_EXCEPTION(test->read(0, small), std::invalid_argument, (Says{{"3072", "3071"}}));
  BOOST_CHECK_THROW(static_cast<void>(test->label(-1)), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(digest_follows_pixels_and_labels) {
  const TemporaryFolder dir;
  write_cifar10(dir.path());
  const auto digest = [&] { return open_cifar10(dir.path(), Split::kTest)->digest(); };
  const auto file = dir.path() / "cifar-10-batches-bin/test_batch.bin";
  const std::string original = digest();
  BOOST_TEST(digest() == original);
  change(file, [](Bytes& bytes) { bytes[100] ^= 1; });
  const std::string other_pixel = digest();
  BOOST_TEST(other_pixel != original);
  change(file, [](Bytes& bytes) { bytes[0] ^= 1; });
  BOOST_TEST(digest() != other_pixel);
}

BOOST_AUTO_TEST_SUITE_END()
