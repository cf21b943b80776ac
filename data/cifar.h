#pragma once
// CIFAR-10 and CIFAR-100, binary version (Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009).
// A record is one label byte (CIFAR-100: coarse, then fine) and 3072 pixel bytes: 1024 red, 1024 green, 1024 blue,
// each row by row. Class names come from the text file beside the records, else classes are called by number.
#include <filesystem>

#include "data/dataset.h"

namespace ockham::data {

/// @param dir holds `cifar-10-batches-bin/` or is that folder: data_batch_1.bin ... data_batch_5.bin, test_batch.bin
/// Files may hold any number of records, at least one. Keeps all pixels in memory (154 MB for training).
/// @throws DataError naming file, record and offset
DatasetPtr open_cifar10(const std::filesystem::path& dir, Split split);

/// @param dir holds `cifar-100-binary/` or is that folder: train.bin, test.bin. Labels are the 100 fine ones.
/// @throws DataError naming file, record and offset
DatasetPtr open_cifar100(const std::filesystem::path& dir, Split split);

}  // namespace ockham::data
