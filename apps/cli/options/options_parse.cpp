// The sources of option values and their order of precedence.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>
#include <cctype>

#include "apps/cli/options/ini.h"
#include "apps/cli/options/options.h"
#include "apps/cli/options/options_check.h"
#include "apps/cli/options/spelling.h"
#include "engine/error.h"
#include "engine/json_file.h"
#include "engine/log.h"

namespace po = boost::program_options;

namespace ockham::apps {
namespace {

constexpr std::string_view kPrefix = "OCKHAM_";
/// Variables of the prefix that are no option: read by the engine (docs in engine/README.md), the tests and benchmarks.
constexpr std::array kOtherVariables{"OCKHAM_CUDA_ORDER", "OCKHAM_CUDA_REFERENCE", "OCKHAM_ISA",    "OCKHAM_LOG",
                                     "OCKHAM_NO_CACHE",   "OCKHAM_PEERS",          "OCKHAM_PYTHON", "OCKHAM_SHARED"};
constexpr const char* kWords = "words without hyphens";  // collects positional arguments; no option can have this name

std::string environment_name(const std::string& option) {
  std::string name(kPrefix);
  for (const char c : option)
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

}  // namespace

OptionTable::Environment ockham_environment() {
  OptionTable::Environment variables;
  for (char** entry = ::environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::size_t equals = text.find('=');
    if (text.starts_with(kPrefix) && equals != std::string::npos)
      variables[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return variables;
}

std::string OptionTable::canonical_name(std::string name) const {
  std::replace(name.begin(), name.end(), '_', '-');
  const auto alias = aliases_.find(name);
  return alias == aliases_.end() ? name : alias->second;
}

std::string OptionTable::advice(const std::string& unknown) const {
  std::vector<std::string> names;
  for (const Option& option : options_)
    names.push_back(option.name);
  for (const auto& [other, name] : aliases_)
    names.push_back(other);
  const std::string nearest = nearest_name(unknown, names);
  return nearest.empty() ? "See --help for the known ones." : "Did you mean '" + nearest + "'?";
}

/// The sources read so far, in order of precedence: the first that gives a value wins.
class OptionTable::Layers {
 public:
  void add(Source source, GivenValues given) { layers_.emplace_back(source, std::move(given)); }
  Options::Value value(const Option& option) const {
    for (const auto& [source, given] : layers_) {
      if (const auto found = given.find(option.name); found != given.end())
        return {option, checked_value(option, found->second.text, found->second.where), source};
    }
    return {option, option.fallback, Source::kFallback};
  }

 private:
  std::vector<std::pair<Source, GivenValues>> layers_;
};

void OptionTable::refuse_changes(const Layers& layers, const GivenValues& recorded) const {
  Layers before;
  before.add(Source::kFile, recorded);
  for (const Option& option : options_) {
    const Options::Value now = layers.value(option);
    if (now.source == Source::kFallback || option.free_on_resume || !option.recorded)
      continue;
    if (const std::string then = before.value(option).text; now.text != then)
      throw UsageError("--" + option.name + " " + now.text + " differs from the run to resume, which has " +
                       (then.empty() ? "none" : then) + ". Drop it, or start a new run with --config.");
  }
}

std::vector<std::string> OptionTable::normalized(std::vector<std::string> arguments) const {
  for (std::string& argument : arguments) {
    if (argument == "--")
      break;
    if (argument == "-h")
      argument = "--help";
    if (argument.starts_with("--")) {
      const std::size_t end = std::min(argument.find('='), argument.size());
      std::replace(argument.begin(), argument.begin() + static_cast<std::ptrdiff_t>(end), '_', '-');
      const Option* option = find(canonical_name(argument.substr(2)));
      argument += option != nullptr && option->kind == Kind::kFlag ? "=true" : "";
    }
  }
  return arguments;
}

OptionTable::GivenValues OptionTable::read_command_line(const std::vector<std::string>& arguments) const {
  GivenValues given;
  const auto give = [&](const std::string& name, const std::string& text, const std::string& where) {
    if (!given.emplace(name, Given{text, where}).second)
      throw UsageError(where + " is given twice, as '" + given[name].text + "' and '" + text + "'. Keep one.");
  };
  po::options_description known;
  for (const Option& option : options_)
    known.add_options()(option.name.c_str(), po::value<std::string>(), "");
  for (const auto& [other, name] : aliases_)
    known.add_options()(other.c_str(), po::value<std::string>(), "");
  known.add_options()(kWords, po::value<std::vector<std::string>>(), "");
  po::positional_options_description words;
  words.add(kWords, -1);
  try {
    const auto parsed = po::command_line_parser(normalized(arguments))
                            .options(known)
                            .positional(words)
                            .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
                            .run();
    std::size_t position = 0;
    for (const po::option& option : parsed.options) {
      const std::string& text = option.value.at(0);
      if (option.string_key != kWords) {
        if (option.original_tokens.size() == 2 && text.starts_with("--"))
          throw UsageError("--" + option.string_key + " has no value: the next word is the option " + text +
                           ". Write --" + option.string_key + "=VALUE.");
        give(canonical_name(option.string_key), text, "--" + option.string_key);
      } else if (position < positionals_.size()) {
        give(positionals_[position], text, positionals_[position]);
        ++position;
      } else {
        throw UsageError("'" + text + "' is one word too many; options begin with '--'. See --help.");
      }
    }
  } catch (const po::unknown_option& e) {
    const std::string token = e.get_option_name();
    const std::string name = token.substr(0, token.find('='));
    throw UsageError("Unknown option '" + name + "'. " +
                     advice(name.substr(std::min(name.find_first_not_of('-'), name.size()))));
  } catch (const po::error& e) {
    throw UsageError(std::string("Command line: ") + e.what() + ". See --help.");
  }
  return given;
}

OptionTable::GivenValues OptionTable::read_environment(const Environment& environment) const {
  GivenValues given;
  for (const Option& option : options_) {
    const std::string variable = environment_name(option.name);
    const auto found = environment.find(variable);
    if (found != environment.end() && !found->second.empty())
      given[option.name] = {found->second, variable};
  }
  return given;
}

void OptionTable::tell_unknown(const Environment& environment) const {
  std::map<std::string, std::string> known;  // what may be meant -> what is read
  for (const char* variable : kOtherVariables)
    known[variable] = variable;
  for (const Option& option : options_)
    known[environment_name(option.name)] = environment_name(option.name);
  for (const auto& [other, name] : aliases_)
    known[environment_name(other)] = environment_name(name);
  std::vector<std::string> names;
  for (const auto& [name, variable] : known)
    names.push_back(name.substr(kPrefix.size()));  // all begin alike: what differs decides which is near
  for (const auto& [variable, value] : environment) {
    const auto meant = known.find(variable);
    if (value.empty() || (meant != known.end() && meant->second == variable))
      continue;
    const std::string nearest = nearest_name(variable.substr(kPrefix.size()), names);
    if (nearest.empty())
      log_text(LogLevel::kInfo, variable, " is not the name of an option of this program and has no effect");
    else
      log_text(LogLevel::kWarning, variable, " is unknown. Did you mean ", known.at(std::string(kPrefix) + nearest),
               "?");
  }
}

OptionTable::GivenValues OptionTable::read_file(const std::filesystem::path& path) const {
  GivenValues given;
  for (const IniEntry& entry : read_ini(path)) {
    const std::string name = canonical_name(entry.name);
    const std::string where = path.string() + ": " + entry.name;
    if (find(name) == nullptr)
      throw UsageError(where + " is unknown. " + advice(name));
    if (!given.emplace(name, Given{entry.value, where}).second)
      throw UsageError(where + " is given twice. Keep one.");
  }
  return given;
}

OptionTable::GivenValues OptionTable::read_preset(const std::string& name) const {
  GivenValues given;
  for (const auto& [option, text] : presets_.at(name)) {
    given[option] = {text, "preset " + name + ": " + option};
    OCKHAM_ASSERT(find(option) != nullptr);
  }
  return given;
}

OptionTable::GivenValues OptionTable::read_run(const std::filesystem::path& path) const {
  GivenValues given;
  const std::filesystem::path folder = path.empty() ? path : run_.run_of(path);
  if (folder.empty())
    return given;
  const std::string file = (folder / "run.json").string();
  const auto recorded = value_of<nlohmann::ordered_json>(read_json(file), "options", file);
  for (const std::string& name : run_.names) {
    const auto value = value_of<nlohmann::ordered_json>(recorded, name, file, nullptr);
    if (!value.is_null())
      given[name] = {value.is_string() ? value.get<std::string>() : value.dump(), file + ": " + name};
  }
  return given;
}

Options OptionTable::parse(const std::vector<std::string>& arguments, const Environment& environment) const {
  Layers layers;
  const auto text_of = [&](std::string_view name) {
    const Option* option = find(name);
    return option == nullptr ? std::string() : layers.value(*option).text;
  };
  layers.add(Source::kCommandLine, read_command_line(arguments));
  if (text_of("help") != "true" && text_of("version") != "true") {
    layers.add(Source::kEnvironment, read_environment(environment));
    const std::string resume = text_of("resume");
    const std::string config = text_of("config");
    if (!resume.empty() && !config.empty())
      throw UsageError("--resume " + resume + " takes its configuration from that folder; drop --config " + config +
                       ".");
    if (!resume.empty()) {
      const std::filesystem::path recorded_file = std::filesystem::path(resume) / "config.ini";
      if (!std::filesystem::exists(recorded_file))
        throw UsageError("--resume " + resume + ": there is no " + recorded_file.string() +
                         ", so that no run has begun there. Check the path, or start anew with --out " + resume + ".");
      const GivenValues recorded = read_file(recorded_file);
      refuse_changes(layers, recorded);
      layers.add(Source::kFile, recorded);
    } else if (!config.empty()) {
      layers.add(Source::kFile, read_file(config));
    }
    if (const std::string preset = text_of("preset"); !preset.empty())
      layers.add(Source::kPreset, read_preset(preset));
    if (resume.empty())
      layers.add(Source::kRun, read_run(text_of(run_.source)));
  }
  Options options;
  for (const Option& option : options_)
    options.values_.push_back(layers.value(option));
  return options;
}

}  // namespace ockham::apps
