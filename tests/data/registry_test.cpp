#include "data/registry.h"

#include "data/archive.h"
#include "data/augment.h"
#include "data/error.h"
#include "tests/data/samples.h"
#include "tests/support.h"

using namespace ockham::data;
using namespace ockham::test;

BOOST_AUTO_TEST_SUITE(registry)

BOOST_AUTO_TEST_CASE(every_name_opens_its_data_set) {
  const TemporaryFolder dir;
  write_cifar10(dir.path());
  write_bytes(dir.path() / "cifar-100-binary/train.bin", cifar_record({1, 2}, 0));
  write_bytes(dir.path() / "mnist/train-images-idx3-ubyte", idx_images());
  write_bytes(dir.path() / "mnist/train-labels-idx1-ubyte", idx_labels());
  write_bytes(dir.path() / "train/a/1.png", png(8, 8, 1, 2, 3));
  write_bytes(dir.path() / "train.bin", record({2}, 3 * 16 * 16, 0));
  for (std::string_view name : kDatasetNames) {
    const DatasetPtr dataset = open(name, dir.path(), Split::kTrain, {.image_size = 16, .classes = 3});
    BOOST_TEST(dataset->name() == name);
    BOOST_TEST(dataset->shape().height == 16);
    BOOST_TEST(dataset->shape().width == 16);
    BOOST_TEST(pixels_of(*dataset, 0).size() == static_cast<std::size_t>(dataset->shape().count()));
    BOOST_TEST(dataset->normalisation().std[0] > 0);
  }
}

BOOST_AUTO_TEST_CASE(image_size_of_the_data_set_is_the_default) {
  const TemporaryFolder dir;
  write_cifar10(dir.path());
  const DatasetPtr own = open("cifar10", dir.path(), Split::kTest);
  BOOST_TEST((own->shape() == ImageShape{3, 32, 32}));
  BOOST_TEST(open("cifar10", dir.path(), Split::kTest, {.image_size = 32})->digest() == own->digest());
  BOOST_TEST(open("cifar10", dir.path(), Split::kTest, {.image_size = 16})->digest() != own->digest());
}

BOOST_AUTO_TEST_CASE(validation_part_is_null_where_there_is_none) {
  const TemporaryFolder dir;
  write_cifar10(dir.path());
  for (std::string_view name : {"shapes", "cifar10"})
    BOOST_TEST((open(name, dir.path(), Split::kValid) == nullptr));
  BOOST_CHECK_THROW(open("cifar", dir.path(), Split::kValid), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(bad_images_are_skipped_where_asked) {
  const TemporaryFolder dir;
  for (const char* part : {"train", "test"})
    write_bytes(dir.path() / part / "a/1.png", png(8, 8, 1, 2, 3));
  write_text(dir.path() / "train/a/2.png", "no");
  BOOST_CHECK_THROW(open("folder", dir.path(), Split::kTrain), DataError);
  BOOST_TEST(open("folder", dir.path(), Split::kTrain, {.broken = Broken::kSkip})->left_out().bad_images.size() == 1u);
}

BOOST_AUTO_TEST_CASE(unknown_name_is_refused_with_the_known_ones) {
  BOOST_CHECK_EXCEPTION(open("cifar", ".", Split::kTrain), std::invalid_argument,
                        (Says{{"'cifar'", "shapes, cifar10, cifar100, mnist, folder, records"}}));
}

BOOST_AUTO_TEST_CASE(image_size_out_of_range_is_refused) {
  BOOST_CHECK_EXCEPTION(open("shapes", "", Split::kTrain, {.image_size = 4}), std::invalid_argument,
                        (Says{{"image size 4"}}));
  BOOST_CHECK_EXCEPTION(open("shapes", "", Split::kTest, {.image_size = 32, .shorter_side = 31}), std::invalid_argument,
                        (Says{{"32 pixels", "shorter side is 31"}}));
}

BOOST_AUTO_TEST_CASE(official_archives_are_listed_with_size_and_md5) {
  BOOST_TEST(describe_official_files("cifar10") ==
             "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz (170052171 bytes, MD5 "
             "c32a1d4ab5d03f1284b67883e8d87530)\n");
  BOOST_TEST(official_files("mnist").size() == 4u);
  BOOST_TEST(official_files("mnist")[3].name() == "t10k-labels-idx1-ubyte.gz");
  BOOST_TEST(official_files("shapes").empty());
}

BOOST_AUTO_TEST_SUITE_END()
