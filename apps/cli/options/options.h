#pragma once
// Options of a program: what may be given, where a value came from, and what it finally is.
//
// An OptionTable declares the options once. parse() collects values from the command line, the environment, a
// configuration file and a preset, in this order of precedence, and checks every one of them with the same rules.
// Boost.Program_options does the reading; kinds, ranges, presets and messages are added here.
// Programs declare theirs by structs of settings, and read them so (settings.h): nothing else asks for a value by name.
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/settings.h"

namespace ockham::apps {

enum class Kind { kFlag, kCount, kReal, kSize, kChoice, kText };

/// One declared option.
struct Option {
  std::string name;  // long name with hyphens, without the leading ones
  Kind kind = Kind::kText;
  std::string fallback;  // the default as text; empty is unset
  std::string help = {};
  std::string placeholder = {};           // what --help shows for the value; of a choice, its names
  std::vector<std::string> choices = {};  // of Kind::kChoice
  CountRange count_range = {};
  RealRange real_range = {};
  /// An extra rule: the complaint about a value, empty if it is fine.
  std::function<std::string(const std::string&)> complaint = {};
  std::string group = {};
  /// Part of config.ini. Off for what does not describe the work (where output goes, how much is printed).
  bool recorded = true;
  /// A resumed run may be given another value than the interrupted one had.
  bool free_on_resume = false;
};

enum class Source { kCommandLine, kEnvironment, kFile, kPreset, kRun, kFallback };

/// The final values, one per declared option, all checked; read_settings() reads them. Asking for an undeclared name
/// throws std::logic_error: that is a mistake of the program, not of its user.
class Options {
 public:
  Source source(std::string_view name) const;
  bool declares(std::string_view name) const;

  /// Every recorded option as an ini file that --config reads back to the same values (ini.h).
  std::string ini() const;
  /// "--name=value" for every recorded option that has a value.
  std::vector<std::string> arguments() const;
  /// Those of them whose value is not the default.
  std::vector<std::string> changed_arguments() const;
  /// Every option with its value, for run.json; unset ones are null.
  nlohmann::ordered_json json() const;

 private:
  friend class OptionTable;
  friend class OptionReader;
  struct Value {
    Option option;
    std::string text;  // canonical: equal values have equal text; empty if unset
    Source source = Source::kFallback;
  };
  const Value& at(std::string_view name) const;

  std::vector<Value> values_;
};

class OptionTable {
 public:
  using Environment = std::map<std::string, std::string>;
  using Preset = std::map<std::string, std::string>;  // option name -> value

  /// Options declared from here on appear under this heading in --help and config.ini.
  void group(std::string heading) { group_ = std::move(heading); }
  /// Declares an option under the present heading; one of its name that is there already must agree with it in kind,
  /// default, limits and role, and then stays as it is. @throws std::logic_error
  void declare(const Option& option);

  /// The declared option, for an app that has more to say of it. @throws std::logic_error
  Option& at(std::string_view name);
  bool declares(std::string_view name) const { return find(name) != nullptr; }
  /// Another spelling of a declared option, on the command line and in files; `_` always equals `-`.
  void alias(std::string other, std::string name) { aliases_[std::move(other)] = std::move(name); }
  /// The next word without hyphens on the command line is the value of this (declared) option.
  void positional(const std::string& name);
  /// Values that --preset NAME puts in place of the defaults. Declares --preset (default: none) where it is not.
  void preset(std::string name, Preset values);
  /// Lets the run that the option `source` names, if `run_of` finds its folder, answer `names` where nothing else does
  /// but their defaults: by "options" of its run.json.
  void answer_by_run(std::string source, std::vector<std::string> names,
                     std::function<std::filesystem::path(const std::filesystem::path&)> run_of);

  /// @param arguments without the program's name
  /// @param environment variables OCKHAM_NAME_WITH_UNDERSCORES; others are ignored
  /// An app opts in to these by declaring them: --help and --version stop after the command line; --config FILE adds
  /// a file; --resume DIR adds DIR/config.ini, whose values may be given again but not changed; --preset NAME; a run
  /// that answers (answer_by_run).
  /// @throws UsageError naming the option, its source, the value, and the nearest known name for a misspelt one
  Options parse(const std::vector<std::string>& arguments, const Environment& environment) const;

  /// Logs a warning for each variable whose name is nearly that of an option or of a variable that the libraries read,
  /// and a message for each that is neither: of no use here, perhaps meant for another program.
  void tell_unknown(const Environment& environment) const;

  /// The text of --help: usage line, purpose, options by group, presets, where values come from.
  std::string help(std::string_view program, std::string_view purpose) const;

 private:
  struct Given {
    std::string text;
    std::string where;  // as messages name it: --lr, OCKHAM_LR, "config.ini: lr"
  };
  using GivenValues = std::map<std::string, Given>;
  class Layers;

  const Option* find(std::string_view name) const;
  std::string canonical_name(std::string name) const;
  std::string advice(const std::string& unknown) const;
  /// Arguments as Boost wants them: hyphens for underscores, and a value for each flag, which would else take the next
  /// word for its value.
  std::vector<std::string> normalized(std::vector<std::string> arguments) const;
  GivenValues read_command_line(const std::vector<std::string>& arguments) const;
  GivenValues read_environment(const Environment& environment) const;
  GivenValues read_file(const std::filesystem::path& path) const;
  GivenValues read_preset(const std::string& name) const;
  GivenValues read_run(const std::filesystem::path& path) const;
  void refuse_changes(const Layers& layers, const GivenValues& recorded) const;

  std::deque<Option> options_;  // a deque keeps the references that the builders return
  std::map<std::string, std::string> aliases_;
  std::vector<std::string> positionals_;
  std::map<std::string, Preset> presets_;
  struct {
    std::string source;
    std::vector<std::string> names;
    std::function<std::filesystem::path(const std::filesystem::path&)> run_of;
  } run_;
  std::string group_ = "Options";
};

/// The variables of this process that begin with OCKHAM_.
OptionTable::Environment ockham_environment();

}  // namespace ockham::apps
