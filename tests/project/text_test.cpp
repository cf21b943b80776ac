// What the pages and comments of the tree name has to be there: links, paths, headers, pages; and the first page stays
// short.
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "tests/project/tree.h"

namespace ockham {
namespace {

namespace fs = std::filesystem;

using test::kFolders;
using test::kRoot;
using test::lines_of;

/// All files of the tree that people read: of its folders, and at its root.
std::vector<fs::path> files_of_the_tree() {
  std::vector<fs::path> files{kRoot / "README.md", kRoot / "CMakeLists.txt"};
  for (const std::string& folder : kFolders) {
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
      if (entry.is_regular_file())
        files.push_back(entry.path());
    }
  }
  return files;
}

std::vector<std::string> matches(const std::string& text, const std::regex& pattern) {
  std::vector<std::string> found;
  for (std::sregex_iterator it(text.begin(), text.end(), pattern), end; it != end; ++it)
    found.push_back((*it)[1].str());
  return found;
}

/// Is it written in capitals, for the reader to fill in ("ops/NAME/NAME.cpp")?
bool is_pattern(const std::string& path) {
  static const std::regex kCapitals("(^|[/_])[A-Z]{3,}([/_.]|$)");
  return path.find_first_of("*{<$") != std::string::npos ||
         (std::regex_search(path, kCapitals) && path.find("README") == std::string::npos &&
          path.find("RESULTS") == std::string::npos && path.find("LICENSE") == std::string::npos);
}

/// A path as texts write it: from the root, from the folder of the text, or without the ending of a file pair.
bool is_there(const std::string& path, const fs::path& folder) {
  for (const fs::path& base : {kRoot, folder}) {
    for (const char* ending : {"", ".h", ".cpp"}) {
      if (fs::exists(base / (path + ending)))
        return true;
    }
  }
  return path == "ops/ops.h";  // made by the build
}

/// What may follow the name of a folder of ours in a text, to be taken for a path.
const std::regex kPath("(?:^|[\\s`(\"])((?:apps|autograd|data|engine|nas|ops|tests)/[A-Za-z0-9_./-]*[A-Za-z0-9_])");
const std::regex kFile("(?:^|[\\s`(\"/])([A-Za-z0-9_-]+\\.(?:h|cpp|md))(?![A-Za-z0-9_])");

/// Files that others bring: headers of libraries, and pages that programs write.
const std::set<std::string> kForeign{"stb_image.h", "jpeglib.h",  "highway.h", "foreach_target.h",
                                     "report.md",   "summary.md", "ops.h"};

/// What a text names that is not there; `names`: of all files of the tree.
std::vector<std::string> dangling(const std::string& text, const fs::path& folder, const std::set<std::string>& names) {
  std::vector<std::string> missing;
  for (const std::string& path : matches(text, kPath)) {
    if (!is_pattern(path) && !is_there(path, folder))
      missing.push_back(path);
  }
  for (const std::string& file : matches(text, kFile)) {
    if (!is_pattern(file) && !kForeign.contains(file) && !names.contains(file))
      missing.push_back(file);
  }
  return missing;
}

/// What a line of a source file says to its reader: the comment.
std::string comment_of(const std::string& line, const fs::path& path) {
  const bool is_script = path.extension() == ".txt" || path.extension() == ".sh" || !path.has_extension();
  const std::size_t begin = is_script ? line.find('#') : line.find("//");
  return begin == std::string::npos ? "" : line.substr(begin);
}

std::set<std::string> names_of(const std::vector<fs::path>& files) {
  std::set<std::string> names;
  for (const fs::path& file : files)
    names.insert(file.filename().string());
  return names;
}

BOOST_AUTO_TEST_SUITE(text)

BOOST_AUTO_TEST_CASE(the_first_page_has_at_most_150_lines) {
  BOOST_TEST(lines_of(kRoot / "README.md").size() <= 150u);
}

BOOST_AUTO_TEST_CASE(files_that_pages_and_comments_name_are_there) {
  const std::vector<fs::path> files = files_of_the_tree();
  const std::set<std::string> names = names_of(files);
  int read = 0;
  for (const fs::path& file : files) {
    const bool is_page = file.extension() == ".md";
    if (file == kRoot / "tests/project/text_test.cpp")
      continue;  // its examples dangle
    if (!is_page && file.extension() != ".h" && file.extension() != ".cpp" && file.filename() != "CMakeLists.txt")
      continue;
    ++read;
    int number = 0;
    for (const std::string& line : lines_of(file)) {
      ++number;
      for (const std::string& path : dangling(is_page ? line : comment_of(line, file), file.parent_path(), names))
        BOOST_ERROR(file.lexically_relative(kRoot).string() << ':' << number << ": " << path << " is not there");
    }
  }
  BOOST_TEST(read > 500);
}

// Pages of layers write paths from their own folder, too: `bayes/laplace`. Those of apps/ and data/ name users'
// folders.
BOOST_AUTO_TEST_CASE(paths_in_pages_of_layers_are_there) {
  static const std::regex kQuoted("`([a-z0-9_]+/[a-z0-9_/]*(?:\\.[a-z]+)?)`");
  int paths = 0;
  for (const char* layer : {"engine", "autograd", "ops", "nas"}) {
    for (const std::string& line : lines_of(kRoot / layer / "README.md")) {
      for (const std::string& path : matches(line, kQuoted)) {
        ++paths;
        BOOST_TEST(is_there(path, kRoot / layer), layer << "/README.md: " << path);
      }
    }
  }
  BOOST_TEST(paths > 40);
}

BOOST_AUTO_TEST_CASE(links_of_pages_lead_to_files) {
  static const std::regex kLink("\\]\\(([^)#\\s]+)");
  for (const fs::path& file : files_of_the_tree()) {
    if (file.extension() != ".md")
      continue;
    for (const std::string& line : lines_of(file)) {
      for (const std::string& link : matches(line, kLink))
        BOOST_TEST((link.find("://") != std::string::npos || fs::exists(file.parent_path() / link)),
                   file.lexically_relative(kRoot).string() << ": " << link);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_rule_finds_what_dangles_and_nothing_else) {
  const std::set<std::string> names{"tensor.h", "skeleton.cpp"};
  const auto found = [&](const std::string& text) { return dangling(text, kRoot / "ops", names); };
  BOOST_TEST(found("// the proof is in hessian.md section 2").size() == 1u);
  BOOST_TEST(found("see `nas/search/bayesnas.h`").size() == 2u);
  BOOST_TEST(found("// Inside nas/space only: what the readers share.").size() == 1u);
  BOOST_TEST(found("`engine/tensor.h` and tensor.h, `ops/skeleton/`, skeleton/skeleton.cpp").empty());
  BOOST_TEST(found("ops/NAME/NAME.cpp, NAME_test.cpp, tests/*_test.cpp; nas/layers/gate").empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
