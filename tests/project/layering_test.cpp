// apps -> nas -> ops -> autograd -> engine, and data apart: the include lines of the tree must not say otherwise.
#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "tests/support.h"

namespace ockham {
namespace {

constexpr std::array<std::string_view, 5> kLayers{"engine", "autograd", "ops", "nas", "apps"};
constexpr std::string_view kData = "data";

/// What is wrong with a file of folder `from` including a file of folder `to`; empty if nothing is.
std::string objection(std::string_view from, std::string_view to) {
  const auto rank = [](std::string_view folder) { return std::ranges::find(kLayers, folder) - kLayers.begin(); };
  const auto top = static_cast<std::ptrdiff_t>(kLayers.size());
  if (from == kData)
    return to == kData ? "" : "data includes nothing of ours but data";
  if (to == kData)
    return from == "apps" ? "" : "only apps may include data";
  if (rank(to) == top)
    return "quoted includes name a layer's folder";
  return rank(to) <= rank(from) ? "" : "a layer includes itself and those below";
}

/// The folder that an include line names first; nothing for other lines and for <system> headers.
std::optional<std::string> included_folder(std::string_view line) {
  const auto skip = [&](std::string_view characters) {
    line.remove_prefix(std::min(line.find_first_not_of(characters), line.size()));
  };
  skip(" \t#");
  if (!line.starts_with("include"))
    return std::nullopt;
  line.remove_prefix(std::string_view("include").size());
  skip(" \t");
  if (!line.starts_with('"'))
    return std::nullopt;
  line.remove_prefix(1);
  return std::string(line.substr(0, line.find_first_of("/\"")));
}

bool is_source(const std::filesystem::path& path) {
  return path.extension() == ".h" || path.extension() == ".cpp";
}

BOOST_AUTO_TEST_SUITE(layering)

BOOST_AUTO_TEST_CASE(no_file_includes_a_layer_above_its_own) {
  int includes = 0;
  for (std::string_view layer : {"engine", "autograd", "ops", "nas", "apps", "data"}) {
    const auto folder = std::filesystem::path(OCKHAM_SOURCE_DIR) / layer;
    for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
      if (!is_source(file.path()))
        continue;
      std::ifstream in(file.path());
      for (std::string line; std::getline(in, line);) {
        if (const auto to = included_folder(line)) {
          ++includes;
          BOOST_TEST(objection(layer, *to) == "", file.path().string() << ": " << line);
        }
      }
    }
  }
  BOOST_TEST(includes > 100);
}

BOOST_AUTO_TEST_CASE(the_rule_tells_up_from_down) {
  BOOST_TEST(objection("nas", "engine") == "");
  BOOST_TEST(objection("ops", "ops") == "");
  BOOST_TEST(objection("apps", "data") == "");
  BOOST_TEST(objection("engine", "autograd") != "");
  BOOST_TEST(objection("autograd", "ops") != "");
  BOOST_TEST(objection("nas", "data") != "");
  BOOST_TEST(objection("data", "engine") != "");
  BOOST_TEST(objection("apps", "tests") != "");
}

BOOST_AUTO_TEST_CASE(include_lines_are_recognised_however_they_are_spaced) {
  BOOST_TEST(included_folder("#include \"engine/tensor.h\"").value_or("") == "engine");
  BOOST_TEST(included_folder("  #  include \"ops/add/add.h\"  // why").value_or("") == "ops");
  BOOST_TEST(included_folder("#include \"tensor.h\"").value_or("none") == "tensor.h");
  BOOST_TEST(!included_folder("#include <vector>").has_value());
  BOOST_TEST(!included_folder("// see \"engine/tensor.h\"").has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
