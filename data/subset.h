#pragma once
#include <optional>

#include "data/dataset.h"
#include "data/philox.h"

namespace ockham::data {

/// The numbers 0 to size - 1 in random order (Fisher-Yates) at the address (seed, purpose, step).
[[nodiscard]] std::vector<std::int64_t> permutation(std::int64_t size, std::uint64_t seed, Purpose purpose,
                                                    std::uint32_t step = 0);

/// The images `indices` of `base`, in that order.
/// @throws std::out_of_range for an index outside the base, DataError if `indices` is empty
DatasetPtr make_subset(DatasetPtr base, std::vector<std::int64_t> indices);

/// How much of the data to use; what is not given is "all there is".
struct SplitOptions {
  std::optional<std::int64_t> train_size = {};
  std::int64_t valid_size = 0;  ///< cut from the training images; where a validation part is given, 0 is all of it
  std::optional<std::int64_t> test_size = {};
  std::uint64_t seed = 0;
};

struct Splits {
  DatasetPtr train;
  DatasetPtr valid;  ///< null if there is no validation part and valid_size is 0
  DatasetPtr test;
  LeftOut left_out = {};  ///< of all that they were cut from
};

/// Cuts train and test data by one seeded shuffle each: training takes from its front, validation the last
/// `valid_size`, so the two are disjoint and the validation images do not depend on train_size. A validation part that
/// the data set has itself (`valid`) is cut like test data, and training keeps all its images.
/// @throws std::invalid_argument if more images are asked for than there are, or none
Splits split(const DatasetPtr& train, const DatasetPtr& test, const SplitOptions& options,
             const DatasetPtr& valid = nullptr);

}  // namespace ockham::data
