#include "apps/cli/output_path.h"

#include <filesystem>

namespace ockham::apps {

std::string output_file_complaint(const std::string& path) {
  std::error_code ignored;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty() && !std::filesystem::is_directory(folder, ignored))
    return "is to be written in " + folder.string() + ", which is no folder; create it first";
  return std::filesystem::is_directory(path, ignored) ? "is a folder; name a file in it" : "";
}

}  // namespace ockham::apps
