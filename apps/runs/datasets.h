#pragma once
// The data that --dataset, --data, --image-size, --train-size, --valid-size and --test-size ask for.
#include "apps/cli/options.h"
#include "apps/runs/settings.h"
#include "data/dataset.h"
#include "data/subset.h"

namespace ockham::apps {

/// One part of the data set, whole.
/// @throws UsageError for an impossible image size, data::DataError for missing or bad files
data::DatasetPtr open_dataset(const DatasetSettings& settings, data::Split split);
data::DatasetPtr open_dataset(const Options& options, data::Split split);

/// Both parts cut to the sizes asked for by the shuffle of --seed; `valid` is null where --valid-size is 0.
/// @throws UsageError for sizes beyond what there is, data::DataError for missing or bad files
data::Splits open_splits(const DataSettings& settings, std::uint64_t seed);
data::Splits open_splits(const Options& options);

/// For programs that train in whole batches: what is known before the data are open, and what they add.
/// @throws UsageError where a batch has more images than there are
void require_whole_batch(std::int64_t batch_size, std::int64_t images);

}  // namespace ockham::apps
