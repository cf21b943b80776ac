// The text of --help.
#include <algorithm>
#include <sstream>

#include "apps/cli/options/options.h"

namespace ockham::apps {
namespace {

constexpr std::size_t kWidth = 100;
constexpr std::size_t kIndent = 28;  // where the explanations begin

/// `text` broken at spaces, each further line indented by `indent`.
std::string wrapped(const std::string& text, std::size_t indent, std::size_t column) {
  std::istringstream words(text);
  std::string out;
  bool first_of_line = true;
  for (std::string word; words >> word;) {
    if (!first_of_line && column + 1 + word.size() > kWidth) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
      first_of_line = true;
    }
    out += (first_of_line ? "" : " ") + word;
    column += word.size() + (first_of_line ? 0 : 1);
    first_of_line = false;
  }
  return out + "\n";
}

/// What stands for the value: of a choice, all that it may be.
std::string placeholder_of(const Option& option) {
  std::string text = option.placeholder;
  for (const std::string& choice : option.choices)
    text += (text.empty() ? "" : "|") + choice;
  return text;
}

std::string explained(const Option& option) {
  std::string left = (option.name == "help" ? "  -h, --" : "  --") + option.name;
  const std::string placeholder = placeholder_of(option);
  left += placeholder.empty() ? "" : " " + placeholder;
  left += left.size() + 2 > kIndent ? "\n" + std::string(kIndent, ' ') : std::string(kIndent - left.size(), ' ');
  const bool shows_default = !option.fallback.empty() && option.kind != Kind::kFlag;
  return left + wrapped(option.help + (shows_default ? " [" + option.fallback + "]" : ""), kIndent, kIndent);
}

}  // namespace

std::string OptionTable::help(std::string_view program, std::string_view purpose) const {
  std::string words;
  for (const std::string& name : positionals_)
    words += " " + placeholder_of(*find(name));
  std::string text = "Usage: " + std::string(program) + words + " [options]\n" + wrapped(std::string(purpose), 0, 0);
  std::vector<std::string> headings;  // in order of first appearance
  for (const Option& option : options_) {
    if (std::find(headings.begin(), headings.end(), option.group) == headings.end())
      headings.push_back(option.group);
  }
  for (const std::string& heading : headings) {
    text += "\n" + heading + ":\n";
    for (const Option& option : options_)
      text += option.group == heading ? explained(option) : "";
  }
  if (!presets_.empty())
    text += "\nPresets (--preset):\n";
  for (const auto& [name, values] : presets_) {
    std::string list;
    for (const auto& [option, value] : values)
      list += option + "=" + value + " ";
    text += "  " + name + std::string(name.size() + 4 < kIndent ? kIndent - 2 - name.size() : 2, ' ');
    text += wrapped(list, kIndent, kIndent);
  }
  std::string of_run;
  for (const std::string& name : run_.names)
    of_run += (of_run.empty() ? " from the run that --" + run_.source + " names (--" : ", --") + name;
  text += "\n" + wrapped(
                     "A value comes from the command line, else from the environment (OCKHAM_BATCH_SIZE for "
                     "--batch-size), else from the --config file, else from the preset, else" +
                         of_run + (of_run.empty() ? "" : "), else") +
                         " it is the default in brackets. Underscores in names are read as hyphens; --flag=false "
                         "turns a flag off.",
                     0, 0);
  return text;
}

}  // namespace ockham::apps
