#include "apps/cli/options/settings.h"

#include "apps/cli/options/options_check.h"
#include "apps/cli/text/format.h"

namespace ockham::apps {
namespace {

constexpr const char* kAuto = "auto";

Option option_of(std::string_view name, Kind kind, std::string fallback, std::string_view help,
                 std::string_view placeholder) {
  return {.name = std::string(name),
          .kind = kind,
          .fallback = std::move(fallback),
          .help = std::string(help),
          .placeholder = std::string(placeholder)};
}

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
  table_.declare(option);
}

void OptionDeclarer::flag(std::string_view name, bool& field, std::string_view help) {
  declare(option_of(name, Kind::kFlag, field ? "true" : "false", help, ""));
}

void OptionDeclarer::count(std::string_view name, std::int64_t& field, std::string_view help, CountRange range) {
  std::optional<std::int64_t> set = field;
  count(name, set, help, range);
}

void OptionDeclarer::count(std::string_view name, std::optional<std::int64_t>& field, std::string_view help,
                           CountRange range) {
  Option option = option_of(name, Kind::kCount, field ? std::to_string(*field) : "", help, "N");
  option.count_range = range;
  declare(option);
}

void OptionDeclarer::real(std::string_view name, double& field, std::string_view help, RealRange range) {
  std::optional<double> set = field;
  real(name, set, help, range);
}

void OptionDeclarer::real(std::string_view name, std::optional<double>& field, std::string_view help, RealRange range) {
  Option option = option_of(name, Kind::kReal, field ? format_real(*field) : "", help, "X");
  option.real_range = range;
  declare(option);
}

void OptionDeclarer::real_or_auto(std::string_view name, std::optional<double>& field, std::string_view help,
                                  RealRange range) {
  Option option = option_of(name, Kind::kText, field ? format_real(*field) : kAuto, help, "X|auto");
  option.real_range = range;
  option.complaint = [range](const std::string& text) {
    const std::string complaint = text == kAuto ? "" : real_complaint(text, range);
    return complaint.empty() ? "" : complaint + " (or auto)";
  };
  declare(option);
}

void OptionDeclarer::size(std::string_view name, std::optional<std::uint64_t>& field, std::string_view help) {
  declare(option_of(name, Kind::kSize, field ? std::to_string(*field) : "", help, "SIZE"));
}

void OptionDeclarer::text(std::string_view name, std::string& field, std::string_view help,
                          std::string_view placeholder, TextRule rule) {
  Option option = option_of(name, Kind::kText, field, help, placeholder);
  option.complaint = rule;
  declare(option);
}

void OptionDeclarer::choice(std::string_view name, std::string& field, const std::vector<std::string>& names,
                            std::string_view help) {
  Option option = option_of(name, Kind::kChoice, field, help, "");
  option.choices = names;
  declare(option);
}

const std::string& OptionReader::text_of(std::string_view name) const {
  return options_.at(name).text;
}

void OptionReader::flag(std::string_view name, bool& field, std::string_view) {
  field = text_of(name) == "true";
}

void OptionReader::count(std::string_view name, std::int64_t& field, std::string_view, CountRange) {
  field = parse_count(text_of(name)).value();
}

void OptionReader::count(std::string_view name, std::optional<std::int64_t>& field, std::string_view, CountRange) {
  field = parse_count(text_of(name));
}

void OptionReader::real(std::string_view name, double& field, std::string_view, RealRange) {
  field = parse_real(text_of(name)).value();
}

void OptionReader::real(std::string_view name, std::optional<double>& field, std::string_view, RealRange) {
  field = parse_real(text_of(name));
}

void OptionReader::real_or_auto(std::string_view name, std::optional<double>& field, std::string_view, RealRange) {
  field = parse_real(text_of(name));
}

void OptionReader::size(std::string_view name, std::optional<std::uint64_t>& field, std::string_view) {
  field = parse_size(text_of(name));
}

void OptionReader::text(std::string_view name, std::string& field, std::string_view, std::string_view, TextRule) {
  field = text_of(name);
}

void OptionReader::choice(std::string_view name, std::string& field, const std::vector<std::string>&,
                          std::string_view) {
  field = text_of(name);
}

}  // namespace ockham::apps
