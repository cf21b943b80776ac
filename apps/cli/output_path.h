#pragma once
// Files that options name for results.
#include <string>

namespace ockham::apps {

/// For Option::complaint: why no file can be written at this path, as far as is known before the work: its folder does
/// not exist, or it is a folder itself. Empty if nothing is wrong.
std::string output_file_complaint(const std::string& path);

}  // namespace ockham::apps
