// Files and folders small enough to be read.
#include <fstream>
#include <map>
#include <string>

#include "tests/support.h"

namespace ockham {
namespace {

namespace fs = std::filesystem;

/// Visits the sources below a folder of the tree.
template <class Visit>
void each_source(const char* layer, Visit&& visit) {
  for (const auto& file : fs::recursive_directory_iterator(fs::path(OCKHAM_SOURCE_DIR) / layer)) {
    if (file.path().extension() == ".h" || file.path().extension() == ".cpp")
      visit(file.path());
  }
}

int lines_in(const fs::path& path) {
  std::ifstream in(path);
  int lines = 0;
  for (std::string line; std::getline(in, line);)
    ++lines;
  return lines;
}

std::string name_of(const fs::path& path) {
  return path.lexically_relative(OCKHAM_SOURCE_DIR).string();
}

BOOST_AUTO_TEST_SUITE(sizes)

BOOST_AUTO_TEST_CASE(files_have_at_most_600_lines_and_400_in_apps_and_nas) {
  int files = 0;
  for (const char* layer : {"engine", "autograd", "ops", "nas", "data", "apps", "tests"}) {
    const bool is_upper = layer == std::string("apps") || layer == std::string("nas");
    each_source(layer, [&](const fs::path& path) {
      ++files;
      BOOST_TEST(lines_in(path) <= (is_upper ? 400 : 600), name_of(path));
    });
  }
  BOOST_TEST(files > 500);
}

BOOST_AUTO_TEST_CASE(folders_of_apps_and_nas_hold_at_most_16_sources) {
  std::map<fs::path, int> sources;
  for (const char* layer : {"nas", "apps"})
    each_source(layer, [&](const fs::path& path) { ++sources[path.parent_path()]; });
  BOOST_TEST(sources.size() > 20u);
  for (const auto& [folder, count] : sources)
    BOOST_TEST(count <= 16, name_of(folder) << " holds " << count);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
