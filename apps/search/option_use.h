#pragma once
// Which methods and spaces take note of an option: one that a run's do not is not ignored in silence.
#include "apps/cli/options/options.h"

namespace ockham::apps {

/// A line for each option of the command line that belongs to other methods or spaces alone, naming those.
/// @param methods of the run: one, or those of a comparison, where one that uses the option is enough
std::vector<std::string> unused_options(const Options& options, const std::string& space,
                                        const std::vector<std::string>& methods);

}  // namespace ockham::apps
