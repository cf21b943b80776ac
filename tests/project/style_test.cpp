// One style of braces and integers in all sources. What clang-format decides is not asked here.
#include <optional>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "tests/project/tree.h"

namespace ockham {
namespace {

using Lines = std::vector<std::string>;

std::size_t indent_of(const std::string& line) {
  return std::min(line.find_first_not_of(' '), line.size());
}

/// The line without strings, characters and comment.
std::string code_of(const std::string& line) {
  static const std::regex kQuoted(R"("(\\.|[^"\\])*"|'(\\.|[^'\\])*')");
  const std::string code = line.find_first_of("\"'") == std::string::npos ? line : regex_replace(line, kQuoted, "");
  return code.substr(0, code.find("//"));
}

bool ends_with(const std::string& code, char end) {
  const std::size_t last = code.find_last_not_of(' ');
  return last != std::string::npos && code[last] == end;
}

bool begins_with_one_of(std::string_view line, std::initializer_list<std::string_view> words) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  return std::ranges::any_of(words, [&](std::string_view word) {
    return line.starts_with(word) &&
           (line.size() == word.size() || std::string_view(" ({:").find(line[word.size()]) != std::string_view::npos);
  });
}

/// The line on which the parentheses opened on line `at` are closed.
std::optional<std::size_t> end_of_header(const Lines& lines, std::size_t at) {
  int depth = 0;
  for (std::size_t i = at; i < std::min(at + 12, lines.size()); ++i) {
    for (const char c : code_of(lines[i]))
      depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (depth == 0)
      return i;
  }
  return {};
}

/// The line that closes the braces opened at the end of line `open` if between them is one statement that is no control
/// statement, and no comment.
std::optional<std::size_t> end_of_single_statement(const Lines& lines, std::size_t open, std::size_t indent) {
  std::size_t close = open + 1;
  while (close < lines.size() && !(indent_of(lines[close]) == indent && lines[close][indent] == '}'))
    ++close;
  if (close >= lines.size() || close == open + 1)
    return {};
  if (begins_with_one_of(lines[open + 1], {"if", "for", "while", "switch", "do", "try", "case", "default", "else"}))
    return {};
  int statements = 0;
  for (std::size_t i = open + 1; i < close; ++i) {
    const std::string code = code_of(lines[i]);
    const bool is_first = i == open + 1;
    if (code.find_first_not_of(' ') == std::string::npos || code[0] == '#' || ends_with(code, '{') ||
        (is_first ? indent_of(code) != indent + 2 : indent_of(code) <= indent + 2))
      return {};
    statements += ends_with(code, ';') ? 1 : 0;
  }
  return statements == 1 && ends_with(code_of(lines[close - 1]), ';') ? std::optional(close) : std::nullopt;
}

/// Does line `at` begin a chain of if and else, or a loop, all of whose bodies are single statements within braces?
bool has_needless_braces(const Lines& lines, std::size_t at) {
  if (!begins_with_one_of(lines[at], {"if", "for", "while"}))
    return false;
  const std::size_t indent = indent_of(lines[at]);
  std::optional<std::size_t> open = end_of_header(lines, at);
  while (open && ends_with(code_of(lines[*open]), '{')) {
    const auto close = end_of_single_statement(lines, *open, indent);
    if (!close)
      return false;
    const std::string after = lines[*close].substr(indent);
    if (after == "}")
      return true;
    open = after == "} else {" ? close : after.starts_with("} else if") ? end_of_header(lines, *close) : std::nullopt;
  }
  return false;
}

/// Fixed-width integers and sizes are those of std.
bool has_unqualified_integer(const std::string& code) {
  static const std::regex kInteger(R"((^|[^:\w])(u?int(8|16|32|64)_t|size_t|ptrdiff_t)\b)");
  return code.find("_t") != std::string::npos && std::regex_search(code, kInteger);
}

Lines split(const std::string& text) {
  std::istringstream in(text);
  Lines lines;
  for (std::string line; std::getline(in, line);)
    lines.push_back(line);
  return lines;
}

BOOST_AUTO_TEST_SUITE(style)

BOOST_AUTO_TEST_CASE(single_statements_have_no_braces_and_integers_are_those_of_std) {
  int files = 0;
  for (const std::string& folder : test::kFolders) {
    for (const std::filesystem::path& source : test::sources_below(folder)) {
      ++files;
      const Lines lines = test::lines_of(source);
      for (std::size_t i = 0; i < lines.size(); ++i) {
        if (has_needless_braces(lines, i))
          BOOST_ERROR(source.string() << ':' << i + 1 << ": braces round a single statement");
        if (has_unqualified_integer(code_of(lines[i])))
          BOOST_ERROR(source.string() << ':' << i + 1 << ": an integer type without std::");
      }
    }
  }
  BOOST_TEST(files > 500);
}

BOOST_AUTO_TEST_CASE(the_rules_tell_needless_braces_and_plain_integers_from_others) {
  const auto is_needless = [](const std::string& text) { return has_needless_braces(split(text), 0); };
  BOOST_TEST(is_needless("if (a) {\n  f();\n}"));
  BOOST_TEST(is_needless("for (int i = 0; i < 3; ++i) {\n  f(i,\n    i);\n}"));
  BOOST_TEST(is_needless("  if (a &&\n      b) {\n    f();\n  } else if (c) {\n    g();\n  } else {\n    h();\n  }"));
  BOOST_TEST(!is_needless("if (a)\n  f();"));
  BOOST_TEST(!is_needless("if (a) {\n  f();\n  g();\n}"));
  BOOST_TEST(!is_needless("for (int x : xs) {\n  if (x)\n    f();\n}"));
  BOOST_TEST(!is_needless("if (a) {\n  f();\n} else {\n  g();\n  h();\n}"));
  BOOST_TEST(!is_needless("if (a) {\n  // Why.\n  f();\n}"));
  BOOST_TEST(has_unqualified_integer("const int64_t n = 0;"));
  BOOST_TEST(has_unqualified_integer("std::vector<uint8_t> x(static_cast<size_t>(n));"));
  BOOST_TEST(!has_unqualified_integer("std::int64_t n = std::size_t{0};"));
  BOOST_TEST(!has_unqualified_integer("my_size_t x;"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
