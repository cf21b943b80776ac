#pragma once
#include <filesystem>

#include "data/dataset.h"

namespace ockham::data {

/// MNIST and sets of its form (LeCun, Cortes, Burges; IDX format): one-channel images, 10 classes, plain or .gz files
///   {train,t10k}-images-idx3-ubyte[.gz]: big-endian u32 2051, count, rows, columns, then one byte a pixel
///   {train,t10k}-labels-idx1-ubyte[.gz]: big-endian u32 2049, count, then one byte a label
/// @param dir holds the files, or a folder `mnist/` or `MNIST/raw/` with them
/// Memory is bounded by the size that the header announces (at most 1 GiB), whatever a .gz expands to.
/// @throws DataError naming the file and what is wrong with it
DatasetPtr open_mnist(const std::filesystem::path& dir, Split split);

}  // namespace ockham::data
