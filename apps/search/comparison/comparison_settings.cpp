#include "apps/search/comparison/comparison_settings.h"

#include <algorithm>
#include <optional>

#include "apps/cli/options/options_check.h"
#include "apps/cli/text/format.h"
#include "apps/runs/child_run.h"
#include "engine/error.h"
#include "nas/catalog/catalog.h"

namespace ockham::apps {
namespace {

std::string methods_complaint(const std::string& text) {
  const std::vector<std::string> known = nas::names_of(nas::methods());
  std::vector<std::string> seen;
  for (const std::string& name : split_list(text)) {
    if (const std::string complaint = choice_complaint(name, known); !complaint.empty())
      return concat("holds '", name, "', which ", complaint);
    if (std::ranges::find(seen, name) != seen.end())
      return concat("holds '", name, "' twice; it would give the same runs again");
    seen.push_back(name);
  }
  return "";
}

/// Nothing for what is not "METHOD.OPTION=VALUE".
std::optional<MethodSetting> parse_setting(const std::string& text) {
  const std::size_t dot = text.find('.');
  const std::size_t equals = text.find('=');
  if (dot == std::string::npos || equals == std::string::npos || equals < dot || equals + 1 == text.size())
    return std::nullopt;
  return MethodSetting{text.substr(0, dot), text.substr(dot + 1, equals - dot - 1), "--" + text.substr(dot + 1)};
}

std::string settings_complaint(const std::string& text) {
  std::vector<std::string> seen;
  for (const std::string& part : split_list(text, ';')) {
    const std::optional<MethodSetting> setting = parse_setting(part);
    if (!setting)
      return concat("holds '", part, "'; write METHOD.OPTION=VALUE, several with ';' between them");
    const std::string name = setting->method + '.' + setting->option;
    if (std::ranges::count(seen, name) > 0)
      return concat("holds ", name, " twice; keep one");
    seen.push_back(name);
  }
  return "";
}

}  // namespace

void describe(ComparisonSettings& s, SettingVisitor& v) {
  v.group("Comparison");
  v.role(SettingRole::kChangeable);
  v.text("methods", s.methods,
         "search by each of these in turn, with each of --seeds, and report on all; resuming may add some",
         "NAME,NAME,...", methods_complaint);
  v.text("seeds", s.seeds, "seeds of --methods, in place of --seed; resuming may add some", "N,N,...", seeds_complaint);
  v.text("method-settings", s.method_settings,
         "options that a method has otherwise than the rest; resuming may add some", "METHOD.OPTION=VALUE;...",
         settings_complaint);
}

std::vector<MethodSetting> method_settings_of(const ComparisonSettings& settings) {
  std::vector<MethodSetting> result;
  if (settings.method_settings.empty())
    return result;
  for (const std::string& text : split_list(settings.method_settings, ';'))
    result.push_back(parse_setting(text).value());
  return result;
}

}  // namespace ockham::apps
