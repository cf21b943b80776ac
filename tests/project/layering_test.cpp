// apps -> nas -> ops -> autograd -> engine, and data apart; within apps programs -> runs -> report -> cli, and no
// program includes another; no circle of folders within nas: the include lines of the tree must not say otherwise.
#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

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

constexpr std::array<std::string_view, 3> kRooms{"cli", "report", "runs"};

/// What is wrong with a file of apps/`from` including a file of apps/`to`; empty if nothing is. Folders that are no
/// room are programs.
std::string room_objection(std::string_view from, std::string_view to) {
  const auto rank = [](std::string_view folder) { return std::ranges::find(kRooms, folder) - kRooms.begin(); };
  constexpr auto kProgram = static_cast<std::ptrdiff_t>(kRooms.size());
  if (rank(to) == kProgram)
    return from == to ? "" : "no program includes another, and no room a program";
  return rank(to) <= rank(from) ? "" : "a room includes itself and those before it";
}

/// Which folders a folder includes.
using FolderGraph = std::map<std::string, std::set<std::string>>;

/// A circle of folders, "a -> b -> a"; empty if there is none.
class CircleSearch {
 public:
  explicit CircleSearch(const FolderGraph& graph) : graph_(graph) {
    for (const auto& [folder, included] : graph)
      visit(folder);
  }
  const std::string& circle() const { return circle_; }

 private:
  void visit(const std::string& folder) {
    if (const auto open = std::ranges::find(path_, folder); open != path_.end() && circle_.empty()) {
      for (auto it = open; it != path_.end(); ++it)
        circle_ += *it + " -> ";
      circle_ += folder;
    }
    if (!seen_.insert(folder).second)
      return;
    path_.push_back(folder);
    if (const auto it = graph_.find(folder); it != graph_.end()) {
      for (const std::string& next : it->second)
        visit(next);
    }
    path_.pop_back();
  }

  const FolderGraph& graph_;
  std::vector<std::string> path_;
  std::set<std::string> seen_;
  std::string circle_;
};

/// "a/b" of {"a", "b", "file"}.
std::string folder_of(const std::vector<std::string>& path) {
  std::string folder;
  for (std::size_t i = 0; i + 1 < path.size(); ++i)
    folder += (i == 0 ? "" : "/") + path[i];
  return folder;
}

/// The parts of the path in an include line: {"apps", "cli", "log.h"} for "apps/cli/log.h". Empty for other lines and
/// for <system> headers.
std::vector<std::string> included_path(std::string_view line) {
  const auto skip = [&](std::string_view characters) {
    line.remove_prefix(std::min(line.find_first_not_of(characters), line.size()));
  };
  skip(" \t#");
  if (!line.starts_with("include"))
    return {};
  line.remove_prefix(std::string_view("include").size());
  skip(" \t");
  if (!line.starts_with('"'))
    return {};
  line.remove_prefix(1);
  std::vector<std::string> folders;
  for (const auto& part : std::filesystem::path(line.substr(0, line.find('"'))))
    folders.push_back(part.string());
  return folders;
}

bool is_source(const std::filesystem::path& path) {
  return path.extension() == ".h" || path.extension() == ".cpp";
}

BOOST_AUTO_TEST_SUITE(layering)

/// Takes every include line of ours below a folder of the tree: its file's folders below the root, and what it names.
template <class Visit>
int each_include(std::string_view layer, Visit&& visit) {
  int includes = 0;
  const std::filesystem::path root(OCKHAM_SOURCE_DIR);
  for (const auto& file : std::filesystem::recursive_directory_iterator(root / layer)) {
    if (!is_source(file.path()))
      continue;
    const std::filesystem::path place = file.path().lexically_relative(root);
    const std::vector<std::string> from(place.begin(), place.end());
    std::ifstream in(file.path());
    for (std::string line; std::getline(in, line);) {
      const std::vector<std::string> to = included_path(line);
      if (to.empty())
        continue;
      ++includes;
      visit(from, to, place.string() + ": " + line);
    }
  }
  return includes;
}

BOOST_AUTO_TEST_CASE(no_file_includes_a_layer_above_its_own) {
  int includes = 0;
  for (std::string_view layer : {"engine", "autograd", "ops", "nas", "apps", "data"})
    includes += each_include(layer, [](const auto& from, const auto& to, const std::string& where) {
      BOOST_TEST(objection(from.front(), to.front()) == "", where);
    });
  BOOST_TEST(includes > 100);
}

BOOST_AUTO_TEST_CASE(rooms_of_apps_include_only_those_before_them_and_no_program_another) {
  const int includes = each_include("apps", [](const auto& from, const auto& to, const std::string& where) {
    if (to.front() == "apps")
      BOOST_TEST(room_objection(from.at(1), to.at(1)) == "", where);
  });
  BOOST_TEST(includes > 100);
}

BOOST_AUTO_TEST_CASE(no_circle_of_includes_joins_folders_of_nas) {
  FolderGraph graph;
  each_include("nas", [&](const auto& from, const auto& to, const std::string&) {
    if (to.front() == "nas" && folder_of(from) != folder_of(to))
      graph[folder_of(from)].insert(folder_of(to));
  });
  BOOST_TEST(graph.size() > 10u);
  BOOST_TEST(CircleSearch(graph).circle() == "");
}

BOOST_AUTO_TEST_CASE(a_circle_of_folders_is_found_and_a_diamond_is_none) {
  BOOST_TEST(CircleSearch({{"a", {"b", "c"}}, {"b", {"d"}}, {"c", {"d"}}}).circle() == "");
  BOOST_TEST(CircleSearch({{"a", {"b"}}, {"b", {"c"}}, {"c", {"b"}}}).circle() == "b -> c -> b");
  BOOST_TEST(folder_of({"nas", "spaces", "space.h"}) == "nas/spaces");
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
  BOOST_TEST(room_objection("runs", "cli") == "");
  BOOST_TEST(room_objection("search", "runs") == "");
  BOOST_TEST(room_objection("search", "search") == "");
  BOOST_TEST(room_objection("cli", "report") != "");
  BOOST_TEST(room_objection("search", "train") != "");
  BOOST_TEST(room_objection("runs", "train") != "");
}

BOOST_AUTO_TEST_CASE(include_lines_are_recognised_however_they_are_spaced) {
  using Path = std::vector<std::string>;
  BOOST_TEST((included_path("#include \"engine/tensor.h\"") == Path{"engine", "tensor.h"}));
  BOOST_TEST((included_path("  #  include \"ops/add/add.h\"  // why") == Path{"ops", "add", "add.h"}));
  BOOST_TEST((included_path("#include \"tensor.h\"") == Path{"tensor.h"}));
  BOOST_TEST(included_path("#include <vector>").empty());
  BOOST_TEST(included_path("// see \"engine/tensor.h\"").empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
