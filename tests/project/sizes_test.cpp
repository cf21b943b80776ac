// Files and folders small enough to be read.
#include <map>
#include <string>

#include "tests/project/tree.h"

namespace ockham {
namespace {

using test::lines_of;
using test::sources_below;

BOOST_AUTO_TEST_SUITE(sizes)

BOOST_AUTO_TEST_CASE(files_have_at_most_600_lines_and_400_in_apps_and_nas) {
  int files = 0;
  for (const std::string& layer : test::kFolders) {
    const std::size_t most = layer == "apps" || layer == "nas" ? 400 : 600;
    for (const std::filesystem::path& source : sources_below(layer)) {
      ++files;
      BOOST_TEST(lines_of(source).size() <= most, source.string());
    }
  }
  BOOST_TEST(files > 500);
}

BOOST_AUTO_TEST_CASE(folders_of_apps_and_nas_hold_at_most_16_sources) {
  std::map<std::filesystem::path, int> sources;
  for (const char* layer : {"nas", "apps"}) {
    for (const std::filesystem::path& source : sources_below(layer))
      ++sources[source.parent_path()];
  }
  BOOST_TEST(sources.size() > 20u);
  for (const auto& [folder, count] : sources)
    BOOST_TEST(count <= 16, folder.string() << " holds " << count);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
