#include "apps/cli/options/ini.h"

#include <fstream>
#include <string_view>

#include "engine/error.h"

namespace ockham::apps {
namespace {

constexpr std::string_view kBlanks = " \t";
constexpr std::string_view kQuotes = "\"'";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  return first == std::string_view::npos ? "" : text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
}

bool is_comment(std::string_view text) {
  return text.starts_with('#') || text.starts_with(';');
}

/// The place of a line, for messages.
struct Place {
  const std::filesystem::path& path;
  int line;

  [[noreturn]] void fail(std::string_view line_text, std::string_view why) const {
    throw UsageError(concat(path.string(), ": line ", line, ", '", line_text.substr(0, 80), "', ", why,
                            ". The file holds 'name = value' lines, '#' begins a comment."));
  }
};

/// The value that begins with a quote and what follows the closing one.
std::string unquoted(std::string_view text, std::string_view line, const Place& place) {
  const char quote = text.front();
  std::string value;
  for (std::size_t i = 1; i < text.size(); ++i) {
    const bool is_escape =
        quote == '"' && text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\');
    if (is_escape) {
      value += text[++i];
    } else if (text[i] == quote) {
      const std::string_view rest = trimmed(text.substr(i + 1));
      if (!rest.empty() && !is_comment(rest))
        place.fail(line, "goes on after the closing quote");
      return value;
    } else {
      value += text[i];
    }
  }
  place.fail(line, "has a quote that is never closed");
}

/// A value without quotes: up to a '#' that stands at its start or after a blank.
std::string plain(std::string_view text) {
  for (std::size_t at = text.find('#'); at != std::string_view::npos; at = text.find('#', at + 1)) {
    if (at == 0 || kBlanks.find(text[at - 1]) != std::string_view::npos)
      return std::string(trimmed(text.substr(0, at)));
  }
  return std::string(text);
}

IniEntry entry_of(std::string_view line, const Place& place) {
  if (line.starts_with('[') && line.ends_with(']'))
    place.fail(line, "begins a section; sections are not used");
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos)
    place.fail(line, "has no '='");
  const std::string_view name = trimmed(line.substr(0, equals)), value = trimmed(line.substr(equals + 1));
  if (name.empty())
    place.fail(line, "has no name before '='");
  const bool is_quoted = !value.empty() && kQuotes.find(value.front()) != std::string_view::npos;
  return {.name = std::string(name), .value = is_quoted ? unquoted(value, line, place) : plain(value)};
}

std::string content_of(const std::filesystem::path& path) {
  constexpr std::size_t kLargest = std::size_t{1} << 20;
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path))
    throw UsageError(path.string() + ": cannot read this configuration file; check the path.");
  std::string text(kLargest + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kLargest)
    throw UsageError(concat(path.string(), ": has more than ", kLargest, " bytes; it is no configuration file."));
  if (text.find('\0') != std::string::npos)
    throw UsageError(path.string() + ": holds a zero byte, so that it is no text in UTF-8; save it as such.");
  return text;
}

}  // namespace

std::vector<IniEntry> read_ini(const std::filesystem::path& path) {
  const std::string text = content_of(path);
  std::string_view rest = text;
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  rest.remove_prefix(rest.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0);
  std::vector<IniEntry> entries;
  for (int number = 1; !rest.empty(); ++number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    line.remove_suffix(line.ends_with('\r') ? 1 : 0);
    line = trimmed(line);
    if (!line.empty() && !is_comment(line))
      entries.push_back(entry_of(line, {path, number}));
  }
  return entries;
}

std::string ini_value(const std::string& value) {
  const bool is_plain = !value.empty() && trimmed(value) == value && value.find('#') == std::string::npos &&
                        kQuotes.find(value.front()) == std::string_view::npos;
  if (is_plain)
    return value;
  std::string quoted = "\"";
  for (const char c : value)
    quoted += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
  return quoted + '"';
}

}  // namespace ockham::apps
