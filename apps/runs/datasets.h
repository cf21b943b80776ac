#pragma once
// The data that --dataset, --data, --image-size, --train-size, --valid-size and --test-size ask for.
#include "apps/cli/options.h"
#include "data/dataset.h"
#include "data/subset.h"

namespace ockham::apps {

/// One part of the data set, whole.
/// @throws UsageError for an impossible image size, data::DataError for missing or bad files
data::DatasetPtr open_dataset(const Options& options, data::Split split);

/// Both parts cut to the sizes asked for by the shuffle of --seed; `valid` is null where --valid-size is 0.
/// @throws UsageError for sizes beyond what there is, data::DataError for missing or bad files
data::Splits open_splits(const Options& options);

}  // namespace ockham::apps
