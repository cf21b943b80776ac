// Any file, plain or gzipped, is images or labels of MNIST's form, or a DataError.
#include "data/mnist.h"
#include "tests/fuzz/datasets.h"

using namespace ockham;

namespace {

const std::vector<std::uint8_t> kLabels{0, 0, 8, 1, 0, 0, 0, 2, 4, 9};
const std::vector<std::uint8_t> kImages{0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7, 200};

void open_both(const fuzz::Folder& folder, fuzz::Bytes images, fuzz::Bytes labels) {
  folder.write("t10k-images-idx3-ubyte", images);
  folder.write("t10k-labels-idx1-ubyte", labels);
  fuzz::read_all([&] { return data::open_mnist(folder.path(), data::Split::kTest); });
}

}  // namespace

OCKHAM_FUZZ_TARGET(idx) {
  static const fuzz::Folder folder;
  open_both(folder, bytes, kLabels);
  open_both(folder, kImages, bytes);
}
