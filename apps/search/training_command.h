#pragma once
// The line that tells how to train what a search has found.
#include <filesystem>
#include <string>

#include "apps/cli/options/options.h"

namespace ockham::apps {

/// A shell command that trains the genotype.json in `folder` on the images that the search had, with the preset of the
/// same name; `quick` where ockham-train has none of that name.
std::string training_command(const Options& options, const std::filesystem::path& folder);

}  // namespace ockham::apps
