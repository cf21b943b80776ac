// Any file of records is labelled images or a DataError, with class names from any text.
#include "data/cifar.h"

#include "data/error.h"
#include "tests/fuzz/datasets.h"

using namespace ockham;

OCKHAM_FUZZ_TARGET(cifar) {
  static const fuzz::Folder folder;
  folder.write("test_batch.bin", bytes);
  folder.write("test.bin", bytes);
  fuzz::read_all([] { return data::open_cifar10(folder.path(), data::Split::kTest); });
  fuzz::read_all([] { return data::open_cifar100(folder.path(), data::Split::kTest); });
  static const fuzz::Folder named;
  named.write("test_batch.bin", std::vector<std::uint8_t>(3073));
  named.write("batches.meta.txt", bytes);
  fuzz::read_all([] { return data::open_cifar10(named.path(), data::Split::kTest); });
}
