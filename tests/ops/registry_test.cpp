// Ops register themselves; a linker that drops an object file would drop its op without a word.
#include "autograd/registry.h"

#include <algorithm>
#include <map>
#include <set>

#include "tests/engine/files.h"
#include "tests/support.h"

namespace ockham {
namespace {

using Folders = std::map<std::string, std::set<std::string>>;

/// The ops that each folder of ops/ registers, by the text of its sources.
Folders registrations() {
  constexpr std::string_view kMacro = "OCKHAM_REGISTER_OP(";
  Folders result;
  for (const auto& folder : std::filesystem::directory_iterator(std::filesystem::path(OCKHAM_SOURCE_DIR) / "ops")) {
    if (!folder.is_directory())
      continue;
    std::set<std::string>& names = result[folder.path().filename().string()];
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
      if (file.path().extension() != ".cpp")
        continue;
      const std::string text = test::contents(file.path());
      for (std::size_t at = text.find(kMacro); at != std::string::npos; at = text.find(kMacro, at)) {
        at = text.find_first_not_of(" \n", at + kMacro.size());
        names.insert(text.substr(at, text.find(',', at) - at));
      }
    }
  }
  return result;
}

BOOST_AUTO_TEST_SUITE(registry)

BOOST_AUTO_TEST_CASE(every_folder_of_ops_registers_an_op) {
  const Folders folders = registrations();
  BOOST_TEST(folders.size() >= 30u);
  for (const auto& [folder, names] : folders)
    BOOST_TEST(!names.empty(), "ops/" << folder << " registers nothing");
}

BOOST_AUTO_TEST_CASE(the_program_knows_every_op_of_the_sources_and_no_other) {
  std::set<std::string> expected;
  for (const auto& [folder, names] : registrations())
    expected.insert(names.begin(), names.end());
  std::set<std::string> known;
  for (const OpCase& op_case : OpRegistry::instance().cases())
    BOOST_TEST(known.insert(op_case.name).second, op_case.name << " is registered twice");
  BOOST_TEST(known == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(cases_come_in_order_of_name) {
  BOOST_TEST(std::ranges::is_sorted(OpRegistry::instance().cases(), {}, &OpCase::name));
}

BOOST_AUTO_TEST_CASE(every_op_has_samples_and_inputs_that_it_refuses) {
  for (const OpCase& op_case : OpRegistry::instance().cases()) {
    BOOST_TEST(!op_case.samples.empty(), op_case.name << " has no samples");
    BOOST_TEST(!op_case.bad.empty(), op_case.name << " has no bad samples");
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
