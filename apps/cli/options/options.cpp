#include "apps/cli/options/options.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <tuple>

#include "apps/cli/options/ini.h"
#include "apps/cli/text/format.h"

namespace ockham::apps {

const Options::Value& Options::at(std::string_view name) const {
  const auto found = std::ranges::find(values_, name, [](const Value& value) { return value.option.name; });
  if (found == values_.end())
    throw std::logic_error("option '" + std::string(name) + "' is not declared");
  return *found;
}

Source Options::source(std::string_view name) const {
  return at(name).source;
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

std::vector<std::string> Options::changed_arguments() const {
  std::vector<std::string> arguments;
  for (const Value& value : values_) {
    if (value.option.recorded && value.text != value.option.fallback)
      arguments.push_back("--" + value.option.name + "=" + value.text);
  }
  return arguments;
}

bool Options::declares(std::string_view name) const {
  return std::ranges::any_of(values_, [&](const Value& value) { return value.option.name == name; });
}

nlohmann::ordered_json Options::json() const {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [option, text, source] : values_) {
    auto& entry = json[option.name];
    if (text.empty())
      entry = nullptr;
    else if (option.kind == Kind::kFlag)
      entry = text == "true";
    else if (option.kind == Kind::kCount)
      entry = parse_count(text).value();
    else if (option.kind == Kind::kReal)
      entry = parse_real(text).value();
    else if (option.kind == Kind::kSize)
      entry = parse_size(text).value();
    else
      entry = text;
  }
  return json;
}

void OptionTable::declare(const Option& option) {
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

const Option* OptionTable::find(std::string_view name) const {
  const auto found = std::ranges::find(options_, name, &Option::name);
  return found == options_.end() ? nullptr : &*found;
}

Option& OptionTable::at(std::string_view name) {
  const auto found = std::ranges::find(options_, name, &Option::name);
  if (found == options_.end())
    throw std::logic_error("option '" + std::string(name) + "' is not declared");
  return *found;
}

void OptionTable::positional(const std::string& name) {
  if (std::ranges::find(positionals_, name) == positionals_.end())
    positionals_.push_back(name);
}

void OptionTable::answer_by_run(std::string source, std::vector<std::string> names,
                                std::function<std::filesystem::path(const std::filesystem::path&)> run_of) {
  run_ = {std::move(source), std::move(names), std::move(run_of)};
}

void OptionTable::preset(std::string name, Preset values) {
  if (!declares("preset"))
    declare({.name = "preset", .kind = Kind::kChoice, .fallback = "", .help = "a set of defaults, listed below"});
  Option& option = at("preset");
  if (std::ranges::find(option.choices, name) == option.choices.end())
    option.choices.push_back(name);
  presets_[std::move(name)] = std::move(values);
}

}  // namespace ockham::apps
