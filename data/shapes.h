#pragma once
#include "data/dataset.h"

namespace ockham::data {

struct ShapesOptions {
  std::int64_t train_size = 50'000;
  std::int64_t test_size = 10'000;
  std::int64_t image_size = 32;  ///< 8 to 256
  std::uint64_t seed = 0;        ///< another seed is another data set of the same kind
};

/// The built-in data set `shapes`: RGB pictures of 10 kinds of figure, each at a random place, size, angle and colour
/// on a mottled ground with clutter and noise, so that no pixel says anything by itself. A linear classifier stays far
/// below 60 %, a small convolutional net passes 90 %. Image i has class i mod 10.
/// Nothing is stored: an image is drawn when read, in integers from its address (seed, split, index), so it is the same
/// on every machine; training and test images never share an address.
/// @throws std::invalid_argument for sizes out of range
DatasetPtr open_shapes(Split split, const ShapesOptions& options = {});

}  // namespace ockham::data
