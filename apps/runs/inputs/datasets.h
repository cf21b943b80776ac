#pragma once
// The data that --dataset, --data, --image-size, --on-bad-image, --train-size, --valid-size and --test-size ask for.
#include "apps/cli/log.h"
#include "apps/runs/settings.h"
#include "data/registry.h"
#include "data/subset.h"

namespace ockham::apps {

/// @throws data::DataError if the data set needs a folder and none is named, with what the official files are
void require_folder(const DatasetSettings& settings);

/// What the settings say of how to open a part.
data::OpenOptions open_options(const DatasetSettings& settings, data::Split split);

/// One part of the data set, whole; null for a validation part that it does not have.
/// @throws UsageError for an impossible image size, data::DataError for missing or bad files
data::DatasetPtr open_dataset(const DatasetSettings& settings, data::Split split);

/// All parts cut to the sizes asked for by the shuffle of the seed; `valid` is null where --valid-size is 0 and the
/// data set has no such part. They are normalised as `recorded` says, else as --normalisation does; measuring reads
/// training images (data/normalisation.h).
/// @throws UsageError for sizes beyond what there is, data::DataError for missing or bad files
data::Splits open_splits(const DataSettings& settings, std::uint64_t seed,
                         const std::optional<data::Normalisation>& recorded = {});

/// "mean 0.491 0.482 0.447, deviation 0.247 0.243 0.262"
std::string text_of(const data::Normalisation& normalisation, std::int64_t channels);

/// A line for each kind of thing that was left out, with the count and the first names.
std::vector<std::string> left_out_lines(const data::LeftOut& left_out);

/// Says what was left out of the parts, and what was measured of the images.
void log_data(const data::Splits& splits, Log& log);

/// For programs that train in whole batches: what is known before the data are open, and what they add.
/// @throws UsageError where a batch has more images than there are
void require_whole_batch(std::int64_t batch_size, std::int64_t images);

}  // namespace ockham::apps
