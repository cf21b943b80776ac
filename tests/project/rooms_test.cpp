// What keeps the upper half of the tree readable.
#include <algorithm>
#include <string>
#include <vector>

#include "tests/project/tree.h"

namespace ockham {
namespace {

namespace fs = std::filesystem;

using test::lines_of;
using test::sources_below;

/// Names of the files of apps with a line that holds `text`, sorted.
std::vector<std::string> apps_with(const std::string& text) {
  std::vector<std::string> places;
  for (const fs::path& source : sources_below("apps")) {
    const std::vector<std::string> lines = lines_of(source);
    if (std::ranges::any_of(lines, [&](const std::string& line) { return line.find(text) != line.npos; }))
      places.push_back(source.filename().string());
  }
  std::ranges::sort(places);
  return places;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(rooms)

BOOST_AUTO_TEST_CASE(loops_over_epochs_are_in_one_place) {
  const std::vector<std::string> expected{"batches.cpp", "bench_cases.cpp", "training_run.cpp"};
  BOOST_TEST(apps_with("start_at(") == expected, boost::test_tools::per_element());
}

// Values are private to what fills structs of settings; these ask by name where one was given, for refusals and hints.
BOOST_AUTO_TEST_CASE(options_are_asked_by_name_only_where_they_were_given) {
  const std::vector<std::string> friends{"options.h", "settings.h"};
  BOOST_TEST(apps_with("class OptionReader") == friends, boost::test_tools::per_element());
  const std::vector<std::string> expected{
      "main.cpp",          "main.cpp",  "method_comparison.cpp", "network_settings.cpp", "option_use.cpp", "options.h",
      "options_parse.cpp", "seeds.cpp", "source_run.cpp"};
  BOOST_TEST(apps_with("Source::k") == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham
