#pragma once
// The sources of the tree, for tests that read them.
#include <fstream>
#include <string>
#include <vector>

#include "tests/support.h"

namespace ockham::test {

inline const std::filesystem::path kRoot(OCKHAM_SOURCE_DIR);
inline const std::vector<std::string> kFolders{"engine", "autograd", "ops", "nas", "data", "apps", "tests"};

/// Sources below a folder of the tree, as paths from its root.
inline std::vector<std::filesystem::path> sources_below(const std::string& folder) {
  std::vector<std::filesystem::path> sources;
  for (const auto& file : std::filesystem::recursive_directory_iterator(kRoot / folder)) {
    if (file.path().extension() == ".h" || file.path().extension() == ".cpp")
      sources.push_back(file.path().lexically_relative(kRoot));
  }
  return sources;
}

/// @param path from the root of the tree, or whole
inline std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::ifstream in(kRoot / path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);)
    lines.push_back(line);
  return lines;
}

}  // namespace ockham::test
