#pragma once
// Which weights of a network go together, as --pattern says.
#include <string>
#include <vector>

#include "data/dataset.h"
#include "nas/compression/cycles/compressor.h"
#include "nas/network/classifier.h"

namespace ockham::apps {

constexpr const char* kTied = "tied";

/// @param pattern  "tied", or names of nas/compression/groups/patterns.h joined by commas, each a family of its own
/// @param parameters  that the groups speak of
/// @throws UsageError where a pattern fits no weight, or the network has no channel that could go
nas::CompressionGroups groups_of(const std::string& pattern, nas::Classifier& network,
                                 const std::vector<Parameter*>& parameters, const data::Dataset& images);

/// Multiply-accumulates of an image for each entry, by parameter.
std::vector<double> macs_by_entry(nas::Classifier& network, const std::vector<Parameter*>& parameters,
                                  const data::Dataset& images);

}  // namespace ockham::apps
