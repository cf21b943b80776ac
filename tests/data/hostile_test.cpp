// Files damaged at random: every reader either gives images or throws DataError. With sanitizers this also shows that
// nothing is read or written outside its buffer.
#include <algorithm>

#include "data/cifar.h"
#include "data/error.h"
#include "data/image/decode.h"
#include "data/image/decoders.h"
#include "data/mnist.h"
#include "data/philox.h"
#include "data/records.h"
#include "tests/data/samples.h"
#include "tests/support.h"

using namespace ockham::data;
using namespace ockham::test;

namespace {

/// Cuts the file somewhere, or flips one to eight bits, or both; the front is hit more often, for the headers.
Bytes damaged(Bytes bytes, std::uint32_t round) {
  Stream random(11, Purpose::kSplit, 0, round);
  if (random.below(3) == 0)
    bytes.resize(random.below(static_cast<std::uint32_t>(bytes.size()) + 1));
  for (std::uint32_t flips = random.below(9); flips > 0 && !bytes.empty(); --flips) {
    const auto size = static_cast<std::uint32_t>(bytes.size());
    const std::uint32_t reach = random.below(2) == 0 ? std::min(size, 64u) : size;
    bytes[random.below(reach)] ^= static_cast<std::uint8_t>(1u << random.below(8));
  }
  return bytes;
}

/// Runs `read` on a damaged copy in each round; returns how many were refused.
template <class Read>
int refusals(const Bytes& original, int rounds, Read read) {
  int refused = 0;
  for (int round = 0; round < rounds; ++round) {
    try {
      read(damaged(original, static_cast<std::uint32_t>(round)));
    } catch (const DataError&) {
      ++refused;
    }
  }
  return refused;
}

Bytes content_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(hostile)

BOOST_AUTO_TEST_CASE(damaged_idx_files_are_read_or_refused) {
  const TemporaryFolder dir;
  write_bytes(dir.path() / "t10k-labels-idx1-ubyte", idx_labels());
  const int refused = refusals(idx_images(), 150, [&](const Bytes& bytes) {
    write_bytes(dir.path() / "t10k-images-idx3-ubyte", bytes);
    const DatasetPtr dataset = open_mnist(dir.path(), Split::kTest);
    pixels_of(*dataset, dataset->size() - 1);
  });
  BOOST_TEST(refused > 75);
}

BOOST_AUTO_TEST_CASE(damaged_gz_files_are_read_or_refused) {
  const TemporaryFolder dir;
  write_bytes(dir.path() / "t10k-images-idx3-ubyte", idx_images());
  const auto packed = dir.path() / "t10k-labels-idx1-ubyte.gz";
  write_gz(packed, idx_labels());
  const int refused = refusals(content_of(packed), 150, [&](const Bytes& bytes) {
    write_bytes(packed, bytes);
    open_mnist(dir.path(), Split::kTest);
  });
  BOOST_TEST(refused > 75);
}

BOOST_AUTO_TEST_CASE(damaged_cifar_files_are_read_or_refused) {
  const TemporaryFolder dir;
  const int refused = refusals(cifar_record({3, 50}, 0), 100, [&](const Bytes& bytes) {
    write_bytes(dir.path() / "test.bin", bytes);
    pixels_of(*open_cifar100(dir.path(), Split::kTest), 0);
  });
  BOOST_TEST(refused > 30);
}

BOOST_AUTO_TEST_CASE(damaged_lists_of_classes_are_read_or_refused) {
  const TemporaryFolder dir;
  write_bytes(dir.path() / "train.bin", record({1}, 3 * 8 * 8, 0));
  const std::string list = "0\tn01\tgoldfish\n1\tn02\tred fox\n2\tn03\tyak\n";
  const int refused = refusals(Bytes(list.begin(), list.end()), 300, [&](const Bytes& bytes) {
    write_bytes(dir.path() / "classes.txt", bytes);
    open_records(dir.path(), Split::kTrain, {.shape = {3, 8, 8}, .classes = 3});
  });
  BOOST_TEST(refused > 100);
}

BOOST_AUTO_TEST_CASE(damaged_pictures_are_decoded_or_refused) {
  const int refused = refusals(png(30, 20, 1, 2, 3), 500, [](const Bytes& bytes) {
    static_cast<void>(fit_square(decode_picture("picture", bytes), {.side = 16}));
  });
  BOOST_TEST(refused > 250);
}

BOOST_AUTO_TEST_CASE(damaged_jpegs_are_decoded_or_refused_by_either_decoder) {
  for (const auto& entry : std::filesystem::directory_iterator(OCKHAM_SOURCE_DIR "/tests/fuzz/corpus_image")) {
    if (entry.path().extension() != ".jpg")
      continue;
    const int refused = refusals(content_of(entry.path()), 200, [](const Bytes& bytes) {
      if (jpeg_fault(bytes).empty())
        static_cast<void>(fit_square(decode_with_stb("picture", bytes), {.side = 16}));
      static_cast<void>(fit_square(decode_picture("picture", bytes), {.side = 16}));
    });
    BOOST_TEST(refused > 100, entry.path());
  }
}

BOOST_AUTO_TEST_SUITE_END()
