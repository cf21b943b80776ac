#pragma once
// From the data layer's batches to tensors, and evaluation over a whole data set.
#include <functional>

#include "apps/cli/stop.h"
#include "apps/runs/inputs/precision.h"
#include "data/loader.h"
#include "nas/train/score.h"

namespace ockham::apps {

/// Copies a batch into tensors; images become those of `form`, labels go where they are.
nas::Batch to_tensors(const data::Batch& batch, const TensorForm& form);

/// The transform of training (crop 4, flip, cutout) or of evaluation, with the mean and deviation of the data set.
data::Transform training_transform(const data::Dataset& dataset, std::int64_t cutout);
data::Transform evaluation_transform(const data::Dataset& dataset);

/// One batch of a data set as it is, shuffled by `seed`: other images with every `draw`.
nas::Batch sample_batch(const data::DatasetPtr& dataset, std::int64_t images, std::uint64_t seed, std::int64_t draw,
                        const TensorForm& form);

/// Batches from the loader's very start on; the end of an epoch counts as one.
void take_first(data::Loader& loader, std::int64_t batches, const TensorForm& form,
                const std::function<void(const nas::Batch&)>& take);

/// Loader threads beside the compute threads: one, which keeps up with either and leaves the cores to the kernels; one
/// a core where pictures are decoded.
int loader_threads(const data::Dataset& dataset);

/// Scores a whole data set in batches, in its own order.
nas::Score evaluate_dataset(const data::DatasetPtr& dataset, std::int64_t batch_size, const TensorForm& form,
                            const std::function<nas::Score(const nas::Batch&)>& score);

}  // namespace ockham::apps
