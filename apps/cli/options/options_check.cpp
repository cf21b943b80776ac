#include "apps/cli/options/options_check.h"

#include <algorithm>
#include <cctype>

#include "apps/cli/options/spelling.h"
#include "apps/cli/text/format.h"
#include "engine/error.h"

namespace ockham::apps {
namespace {

/// What a check finds: the canonical text, or else a complaint.
struct Finding {
  std::string canonical;
  std::string complaint = "";
};

Finding bad(std::string complaint) {
  return {.canonical = "", .complaint = std::move(complaint)};
}

Finding check_flag(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const char* yes : {"true", "1", "yes", "on"}) {
    if (text == yes)
      return {"true"};
  }
  for (const char* no : {"false", "0", "no", "off"}) {
    if (text == no)
      return {"false"};
  }
  return bad("is neither true nor false");
}

Finding check_count(const std::string& text, const CountRange& range) {
  const std::optional<std::int64_t> value = parse_count(text);
  if (!value)
    return bad(parse_real(text) ? "is not a whole number that fits 64 bits" : "is not a whole number");
  if (*value < range.min)
    return bad(concat("is too small, the smallest allowed value is ", range.min));
  if (*value > range.max)
    return bad(concat("is too large, the largest allowed value is ", range.max));
  return {std::to_string(*value)};
}

Finding check_real(const std::string& text, const RealRange& range) {
  const std::string complaint = real_complaint(text, range);
  return complaint.empty() ? Finding{format_real(*parse_real(text))} : bad(complaint);
}

Finding check_size(const std::string& text) {
  const std::optional<std::uint64_t> bytes = parse_size(text);
  if (!bytes || *bytes == 0)
    return bad("is not a number of bytes; write for example 512MB or 2GiB");
  return {std::to_string(*bytes)};
}

/// A recorded text must fit on a line of config.ini.
Finding check_text(const std::string& text, bool recorded) {
  if (recorded && text.find_first_of("\r\n") != std::string::npos)
    return bad("holds a line break, which config.ini cannot keep");
  return {text};
}

Finding check(const Option& option, const std::string& text) {
  switch (option.kind) {
    case Kind::kFlag:
      return check_flag(text);
    case Kind::kCount:
      return check_count(text, option.count_range);
    case Kind::kReal:
      return check_real(text, option.real_range);
    case Kind::kSize:
      return check_size(text);
    case Kind::kChoice:
      return {text, choice_complaint(text, option.choices)};
    case Kind::kText:
      return check_text(text, option.recorded);
  }
  OCKHAM_ASSERT(false);
}

}  // namespace

std::string real_complaint(const std::string& text, const RealRange& range) {
  const std::optional<double> value = parse_real(text);
  if (!value)
    return "is not a finite number";
  if (*value < range.min || (range.min_excluded && *value == range.min))
    return concat("is too small, it must be ", range.min_excluded ? "above " : "at least ", range.min);
  return *value > range.max ? concat("is too large, it must be at most ", range.max) : "";
}

std::string choice_complaint(const std::string& text, const std::vector<std::string>& choices) {
  if (std::ranges::find(choices, text) != choices.end())
    return "";
  std::string list;
  for (const std::string& choice : choices)
    list += (list.empty() ? "" : ", ") + choice;
  const std::string nearest = nearest_name(text, choices);
  return "is none of " + list + (nearest.empty() ? "" : "; did you mean '" + nearest + "'?");
}

std::string checked_value(const Option& option, const std::string& text, const std::string& where) {
  Finding finding = text.empty() ? bad("is empty") : check(option, text);
  if (finding.complaint.empty() && option.complaint)
    finding.complaint = option.complaint(finding.canonical);
  if (!finding.complaint.empty())
    throw UsageError(where + ": '" + text + "' " + finding.complaint + ". Meaning: " + option.help + ".");
  return finding.canonical;
}

}  // namespace ockham::apps
