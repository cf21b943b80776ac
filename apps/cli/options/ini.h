#pragma once
// Configuration files: `name = value` lines, as config.ini holds them and people write them.
#include <filesystem>
#include <string>
#include <vector>

namespace ockham::apps {

struct IniEntry {
  std::string name;
  std::string value;
};

/// Reads the entries of a file, in order. A line may hold:
///   name = value            blanks around both are dropped; '#' after a blank begins a comment
///   name = "value"          kept as it is, but for \" and \\, which stand for " and \; also 'value', without escapes
///   # comment, ; comment    or nothing
/// A byte-order mark and carriage returns before line ends, as some editors write them, are no part of the text.
/// @throws UsageError naming file and line for what is none of these, for a file that cannot be read, is no text in
///   UTF-8 or has more than a MiB
std::vector<IniEntry> read_ini(const std::filesystem::path& path);

/// `value` as read_ini reads it back: in quotes where that is needed. It has no line breaks.
std::string ini_value(const std::string& value);

}  // namespace ockham::apps
