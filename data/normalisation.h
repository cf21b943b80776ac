#pragma once
// What pixels / 255 become before a network sees them: (x - mean) / deviation, channel by channel.
#include <string_view>

#include "data/dataset.h"

namespace ockham::data {

/// The usual constants of "cifar10", "cifar100", "mnist" (first channel) and "shapes"; of "folder" and "records", which
/// have none, those of ImageNet. @throws std::invalid_argument for another name
Normalisation normalisation_of(std::string_view dataset);

/// Has a data set of this name no constants of its own, so that they are measured?
[[nodiscard]] bool is_measured(std::string_view dataset);

/// Mean and deviation of the images of a data set as read() gives them, on all cores, by sums of whole numbers: the
/// same bits at any number of threads. Of more than 20,000 pictures that must be decoded it takes 20,000, evenly
/// spaced: within some 0.3 % of all, in a minute or two. The deviation of a channel that is the same everywhere is 1.
/// @throws DataError for an image that cannot be read
[[nodiscard]] Normalisation measure(const Dataset& dataset);

/// The same data set with other constants.
[[nodiscard]] DatasetPtr with_normalisation(DatasetPtr base, const Normalisation& normalisation);

}  // namespace ockham::data
