#include "data/mnist.h"

#include "data/error.h"
#include "tests/data/samples.h"
#include "tests/support.h"

using namespace ockham::data;
using namespace ockham::test;

namespace {

void write_plain(const std::filesystem::path& dir, const Bytes& images = idx_images(),
                 const Bytes& labels = idx_labels()) {
  write_bytes(dir / "train-images-idx3-ubyte", images);
  write_bytes(dir / "train-labels-idx1-ubyte", labels);
}

void refused(const Bytes& images, const Bytes& labels, Says says) {
  const TemporaryFolder dir;
  write_plain(dir.path(), images, labels);
  BOOST_CHECK_EXCEPTION(open_mnist(dir.path(), Split::kTrain), DataError, says);
}

Bytes edited(Bytes bytes, std::size_t at, std::uint8_t value) {
  bytes.at(at) = value;
  return bytes;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(mnist)

BOOST_AUTO_TEST_CASE(plain_and_gz_files_give_the_same) {
  const TemporaryFolder plain, packed;
  write_plain(plain.path());
  write_gz(packed.path() / "train-images-idx3-ubyte.gz", idx_images());
  write_gz(packed.path() / "train-labels-idx1-ubyte.gz", idx_labels());
  const DatasetPtr a = open_mnist(plain.path(), Split::kTrain), b = open_mnist(packed.path(), Split::kTrain);
  BOOST_TEST((a->shape() == ImageShape{1, 2, 3}));
  BOOST_TEST(a->size() == 3);
  BOOST_TEST(a->label(2) == 9);
  BOOST_TEST((pixels_of(*a, 1) == Bytes{6, 7, 8, 9, 10, 11}));
  BOOST_TEST(a->digest() == b->digest());
}

BOOST_AUTO_TEST_CASE(subfolders_are_found) {
  const TemporaryFolder dir;
  write_plain(dir.path() / "MNIST/raw");
  BOOST_TEST(open_mnist(dir.path(), Split::kTrain)->size() == 3);
}

BOOST_AUTO_TEST_CASE(wrong_magic_is_refused) {
  refused(edited(idx_images(), 3, 1), idx_labels(), {{"train-images", "2049", "2051"}});
  refused(idx_images(), edited(idx_labels(), 2, 9), {{"train-labels", "2305", "2049"}});
}

BOOST_AUTO_TEST_CASE(counts_of_images_and_labels_must_agree) {
  refused(idx_images(), {0, 0, 8, 1, 0, 0, 0, 2, 7, 0}, {{"2 labels for 3 images"}});
}

BOOST_AUTO_TEST_CASE(cut_off_data_is_refused_with_both_sizes) {
  Bytes images = idx_images();
  images.pop_back();
  refused(images, idx_labels(), {{"holds 17", "announces 18", "cut off"}});
  refused({0, 0, 8, 3, 0, 0}, idx_labels(), {{"within its header"}});
  refused(idx_images(), edited(idx_labels(), 7, 4), {{"4 labels"}});
}

BOOST_AUTO_TEST_CASE(data_beyond_the_announced_size_are_refused) {
  Bytes images = idx_images();
  images.push_back(0);
  refused(images, idx_labels(), {{"goes on after the 18"}});
}

BOOST_AUTO_TEST_CASE(sizes_that_would_overflow_or_fill_memory_are_refused) {
  refused(edited(idx_images(), 4, 255), idx_labels(), {{"4278190083 images"}});
  refused(edited(idx_images(), 9, 1), idx_labels(), {{"65538x3"}});
  refused(edited(idx_images(), 15, 0), idx_labels(), {{"2x0"}});
}

BOOST_AUTO_TEST_CASE(label_above_nine_is_refused_with_its_offset) {
  refused(idx_images(), edited(idx_labels(), 9, 10), {{"label 10", "image 1", "offset 9"}});
}

BOOST_AUTO_TEST_CASE(cut_off_gz_is_refused) {
  const TemporaryFolder dir;
  write_gz(dir.path() / "train-images-idx3-ubyte.gz", idx_images());
  std::filesystem::resize_file(dir.path() / "train-images-idx3-ubyte.gz", 30);
  BOOST_CHECK_EXCEPTION(open_mnist(dir.path(), Split::kTrain), DataError, (Says{{"train-images", "cut off"}}));
}

BOOST_AUTO_TEST_CASE(damaged_gz_is_refused) {
  const TemporaryFolder dir;
  const auto file = dir.path() / "train-images-idx3-ubyte.gz";
  write_gz(file, idx_images());
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(-6, std::ios::end);  // in the CRC
  stream.put(0x55);
  stream.close();
  BOOST_CHECK_EXCEPTION(open_mnist(dir.path(), Split::kTrain), DataError, (Says{{"train-images", "decompressed"}}));
}

BOOST_AUTO_TEST_CASE(gz_that_expands_without_end_is_stopped_at_the_announced_size) {
  const TemporaryFolder dir;
  Bytes images = idx_images();
  images.resize(100 << 20);  // 100 MiB of zeros in 100 KB
  write_gz(dir.path() / "train-images-idx3-ubyte.gz", images);
  BOOST_CHECK_EXCEPTION(open_mnist(dir.path(), Split::kTrain), DataError, (Says{{"goes on after the 18"}}));
}

BOOST_AUTO_TEST_CASE(missing_files_tell_where_the_official_ones_are) {
  const TemporaryFolder dir;
  BOOST_CHECK_EXCEPTION(open_mnist(dir.path(), Split::kTrain), DataError,
                        (Says{{"train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"}}));
  write_bytes(dir.path() / "train-images-idx3-ubyte", idx_images());
  BOOST_CHECK_EXCEPTION(open_mnist(dir.path(), Split::kTrain), DataError,
                        (Says{{"train-labels-idx1-ubyte", "does not exist"}}));
}

BOOST_AUTO_TEST_SUITE_END()
