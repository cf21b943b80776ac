#include "apps/cli/options/options.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <tuple>

#include "apps/cli/options/ini.h"
#include "apps/cli/text/format.h"

namespace ockham::apps {

const Options::Value& Options::at(std::string_view name, std::optional<Kind> kind) const {
  const auto found =
      std::find_if(values_.begin(), values_.end(), [&](const Value& v) { return v.option.name == name; });
  if (found == values_.end() || (kind && found->option.kind != *kind))
    throw std::logic_error("option '" + std::string(name) + "' is not declared, or is of another kind");
  return *found;
}

const Options::Value& Options::at_set(std::string_view name, Kind kind) const {
  const Value& value = at(name, kind);
  if (value.text.empty())
    throw std::logic_error("option '" + std::string(name) + "' has no value; ask is_set() first");
  return value;
}

bool Options::flag(std::string_view name) const {
  return at(name, Kind::kFlag).text == "true";
}

std::int64_t Options::count(std::string_view name) const {
  return parse_count(at_set(name, Kind::kCount).text).value();
}

double Options::real(std::string_view name) const {
  return parse_real(at_set(name, Kind::kReal).text).value();
}

std::uint64_t Options::size(std::string_view name) const {
  return parse_size(at_set(name, Kind::kSize).text).value();
}

const std::string& Options::text(std::string_view name) const {
  const Value& value = at(name, std::nullopt);
  return value.option.kind == Kind::kChoice ? value.text : at(name, Kind::kText).text;
}

bool Options::is_set(std::string_view name) const {
  return !at(name, std::nullopt).text.empty();
}

Source Options::source(std::string_view name) const {
  return at(name, std::nullopt).source;
}

std::string Options::ini() const {
  std::string ini;
  std::string heading;
  for (const Value& value : values_) {
    if (!value.option.recorded)
      continue;
    if (value.option.group != heading) {
      heading = value.option.group;
      ini += (ini.empty() ? "# " : "\n# ") + heading + "\n";
    }
    const bool is_unset = value.text.empty();
    ini += (is_unset ? "# " : "") + value.option.name + " = " + (is_unset ? "(unset)" : ini_value(value.text)) + "\n";
  }
  return ini;
}

std::vector<std::string> Options::arguments() const {
  std::vector<std::string> arguments;
  for (const Value& value : values_) {
    if (value.option.recorded && !value.text.empty())
      arguments.push_back("--" + value.option.name + "=" + value.text);
  }
  return arguments;
}

nlohmann::ordered_json Options::json() const {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [option, text, source] : values_) {
    auto& entry = json[option.name];
    if (text.empty())
      entry = nullptr;
    else if (option.kind == Kind::kFlag)
      entry = flag(option.name);
    else if (option.kind == Kind::kCount)
      entry = count(option.name);
    else if (option.kind == Kind::kReal)
      entry = real(option.name);
    else if (option.kind == Kind::kSize)
      entry = size(option.name);
    else
      entry = text;
  }
  return json;
}

Option& OptionTable::add(std::string name, Kind kind, std::string help, std::string placeholder) {
  if (find(name) != nullptr)
    throw std::logic_error("option '" + name + "' is declared twice");
  Option& option = options_.emplace_back();
  option.name = std::move(name);
  option.kind = kind;
  option.help = std::move(help);
  option.placeholder = std::move(placeholder);
  option.group = group_;
  return option;
}

void OptionTable::merge(const Option& option) {
  const Option* before = find(option.name);
  if (before == nullptr) {
    options_.emplace_back(option).group = group_;
    return;
  }
  const auto terms = [](const Option& o) {
    return std::tie(o.kind, o.fallback, o.choices, o.count_range, o.real_range, o.recorded, o.free_on_resume);
  };
  if (terms(*before) != terms(option))
    throw std::logic_error("option '" + option.name +
                           "' is declared twice, with different kinds, defaults, limits or roles");
}

Option& OptionTable::flag(std::string name, std::string help) {
  Option& option = add(std::move(name), Kind::kFlag, std::move(help), "");
  option.fallback = "false";
  return option;
}

Option& OptionTable::count(std::string name, std::optional<std::int64_t> fallback, std::string help, CountRange range) {
  Option& option = add(std::move(name), Kind::kCount, std::move(help), "N");
  option.fallback = fallback ? std::to_string(*fallback) : "";
  option.count_range = range;
  return option;
}

Option& OptionTable::real(std::string name, std::optional<double> fallback, std::string help, RealRange range) {
  Option& option = add(std::move(name), Kind::kReal, std::move(help), "X");
  option.fallback = fallback ? format_real(*fallback) : "";
  option.real_range = range;
  return option;
}

Option& OptionTable::size(std::string name, std::string fallback, std::string help) {
  Option& option = add(std::move(name), Kind::kSize, std::move(help), "SIZE");
  option.fallback = std::move(fallback);
  return option;
}

Option& OptionTable::choice(std::string name, std::vector<std::string> choices, std::string fallback,
                            std::string help) {
  std::string placeholder;
  for (const std::string& choice : choices)
    placeholder += (placeholder.empty() ? "" : "|") + choice;
  Option& option = add(std::move(name), Kind::kChoice, std::move(help), std::move(placeholder));
  option.fallback = std::move(fallback);
  option.choices = std::move(choices);
  return option;
}

Option& OptionTable::text(std::string name, std::string fallback, std::string help, std::string placeholder) {
  Option& option = add(std::move(name), Kind::kText, std::move(help), std::move(placeholder));
  option.fallback = std::move(fallback);
  return option;
}

const Option* OptionTable::find(std::string_view name) const {
  const auto found = std::find_if(options_.begin(), options_.end(), [&](const Option& o) { return o.name == name; });
  return found == options_.end() ? nullptr : &*found;
}

Option& OptionTable::at(std::string_view name) {
  const auto found = std::find_if(options_.begin(), options_.end(), [&](const Option& o) { return o.name == name; });
  if (found == options_.end())
    throw std::logic_error("option '" + std::string(name) + "' is not declared");
  return *found;
}

void OptionTable::answer_by_run(std::string source, std::vector<std::string> names,
                                std::function<std::filesystem::path(const std::filesystem::path&)> run_of) {
  run_ = {std::move(source), std::move(names), std::move(run_of)};
}

void OptionTable::preset(std::string name, Preset values) {
  if (find("preset") == nullptr)
    choice("preset", {}, "", "a set of defaults, listed below");
  Option& option = at("preset");
  option.choices.push_back(name);
  option.placeholder += (option.placeholder.empty() ? "" : "|") + name;
  presets_[std::move(name)] = std::move(values);
}

}  // namespace ockham::apps
