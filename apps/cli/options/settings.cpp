#include "apps/cli/options/settings.h"

#include "apps/cli/options/options_check.h"
#include "apps/cli/text/format.h"

namespace ockham::apps {
namespace {

constexpr const char* kAuto = "auto";

}  // namespace

void OptionDeclarer::group(std::string_view heading) {
  table_.group(std::string(heading));
  role_ = SettingRole::kWork;
}

void OptionDeclarer::alias(std::string_view other, std::string_view name) {
  table_.alias(std::string(other), std::string(name));
}

void OptionDeclarer::declare(Option option) {
  option.recorded = role_ != SettingRole::kPresentation;
  option.free_on_resume = role_ == SettingRole::kChangeable;
  table_.merge(option);
}

void OptionDeclarer::flag(std::string_view name, bool& field, std::string_view help) {
  OptionTable one;
  Option& option = one.flag(std::string(name), std::string(help));
  option.fallback = field ? "true" : "false";
  declare(option);
}

void OptionDeclarer::count(std::string_view name, std::int64_t& field, std::string_view help, CountRange range) {
  declare(OptionTable().count(std::string(name), field, std::string(help), range));
}

void OptionDeclarer::count(std::string_view name, std::optional<std::int64_t>& field, std::string_view help,
                           CountRange range) {
  declare(OptionTable().count(std::string(name), field, std::string(help), range));
}

void OptionDeclarer::real(std::string_view name, double& field, std::string_view help, RealRange range) {
  declare(OptionTable().real(std::string(name), field, std::string(help), range));
}

void OptionDeclarer::real(std::string_view name, std::optional<double>& field, std::string_view help, RealRange range) {
  declare(OptionTable().real(std::string(name), field, std::string(help), range));
}

void OptionDeclarer::real_or_auto(std::string_view name, std::optional<double>& field, std::string_view help,
                                  RealRange range) {
  OptionTable one;
  Option& option = one.text(std::string(name), field ? format_real(*field) : kAuto, std::string(help), "X|auto");
  option.real_range = range;
  option.complaint = [range](const std::string& text) {
    const std::string complaint = text == kAuto ? "" : real_complaint(text, range);
    return complaint.empty() ? "" : complaint + " (or auto)";
  };
  declare(option);
}

void OptionDeclarer::size(std::string_view name, std::optional<std::uint64_t>& field, std::string_view help) {
  declare(OptionTable().size(std::string(name), field ? std::to_string(*field) : "", std::string(help)));
}

void OptionDeclarer::text(std::string_view name, std::string& field, std::string_view help,
                          std::string_view placeholder, TextRule rule) {
  OptionTable one;
  Option& option = one.text(std::string(name), field, std::string(help), std::string(placeholder));
  if (rule != nullptr)
    option.complaint = rule;
  declare(option);
}

void OptionDeclarer::choice(std::string_view name, std::string& field, const std::vector<std::string>& names,
                            std::string_view help) {
  declare(OptionTable().choice(std::string(name), names, field, std::string(help)));
}

void OptionReader::flag(std::string_view name, bool& field, std::string_view) {
  field = options_.flag(name);
}

void OptionReader::count(std::string_view name, std::int64_t& field, std::string_view, CountRange) {
  field = options_.count(name);
}

void OptionReader::count(std::string_view name, std::optional<std::int64_t>& field, std::string_view, CountRange) {
  field = options_.is_set(name) ? std::optional(options_.count(name)) : std::nullopt;
}

void OptionReader::real(std::string_view name, double& field, std::string_view, RealRange) {
  field = options_.real(name);
}

void OptionReader::real(std::string_view name, std::optional<double>& field, std::string_view, RealRange) {
  field = options_.is_set(name) ? std::optional(options_.real(name)) : std::nullopt;
}

void OptionReader::real_or_auto(std::string_view name, std::optional<double>& field, std::string_view, RealRange) {
  field = parse_real(options_.text(name));
}

void OptionReader::size(std::string_view name, std::optional<std::uint64_t>& field, std::string_view) {
  field = options_.is_set(name) ? std::optional(options_.size(name)) : std::nullopt;
}

void OptionReader::text(std::string_view name, std::string& field, std::string_view, std::string_view, TextRule) {
  field = options_.text(name);
}

void OptionReader::choice(std::string_view name, std::string& field, const std::vector<std::string>&,
                          std::string_view) {
  field = options_.text(name);
}

}  // namespace ockham::apps
