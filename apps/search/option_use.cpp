#include "apps/search/option_use.h"

#include <algorithm>

#include "apps/cli/options/settings.h"
#include "engine/error.h"
#include "nas/catalog/catalog.h"

namespace ockham::apps {
namespace {

using Names = std::vector<std::string>;

bool describes(auto& settings, const std::string& option) {
  OptionTable table;
  OptionDeclarer declarer(table);
  settings.describe(declarer);
  return table.declares(option);
}

bool space_uses(const nas::SpaceEntry& space, const std::string& option) {
  const bool is_of_trained = option == "trained-channels" || option == "trained-cells";
  return is_of_trained ? space.has_genotypes : describes(*space.settings(), option);
}

/// Options of the run around a method or of its space, which ask for something of it.
struct Need {
  bool (*is_met)(const nas::MethodEntry& method, const nas::SpaceEntry& space);
  Names options;
};
const std::vector<Need>& needs() {
  using enum nas::HeldOutImages;
  using nas::MethodEntry, nas::SpaceEntry;
  static const std::vector<Need> rows{
      {[](const MethodEntry& method, const SpaceEntry&) { return method.has_logits; },
       {"eigenvalue-size", "rank-cells"}},
      {[](const MethodEntry& method, const SpaceEntry& space) {
         return method.has_switches && space_uses(space, "origin-position");
       },
       {"origin-position"}},
      {[](const MethodEntry& method, const SpaceEntry& space) { return method.held_out(space) == kValidation; },
       {"warmup-fraction", "cutout"}},
      {[](const MethodEntry& method, const SpaceEntry& space) { return method.held_out(space) == kOfArchitecture; },
       {"arch-fraction", "score-size"}},
      {[](const MethodEntry& method, const SpaceEntry& space) { return method.training(space).lr_falls; },
       {"final-lr"}},
  };
  return rows;
}

bool method_uses(const nas::MethodEntry& method, const nas::SpaceEntry& space, const std::string& option) {
  for (const Need& need : needs()) {
    if (std::ranges::count(need.options, option) > 0)
      return need.is_met(method, space);
  }
  return describes(*method.settings(space), option);
}

std::string listed(const Names& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    text += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  return text;
}

/// Methods that take note of the option, "in the spaces ..." where they do not in all; empty if none does.
Names methods_with(const std::string& option) {
  Names users;
  for (const nas::MethodEntry& method : nas::methods()) {
    Names spaces;
    for (const nas::SpaceEntry& space : nas::spaces()) {
      if (method_uses(method, space, option))
        spaces.push_back(space.name);
    }
    if (spaces.size() == nas::spaces().size())
      users.push_back(method.name);
    else if (!spaces.empty())
      users.push_back(concat(method.name, " in the spaces ", listed(spaces)));
  }
  return users;
}

Names spaces_with(const std::string& option) {
  Names users;
  for (const nas::SpaceEntry& space : nas::spaces()) {
    if (space_uses(space, option))
      users.push_back(space.name);
  }
  return users;
}

Names names_given(const Options& options) {
  Names names;
  for (const std::string& argument : options.arguments()) {
    const std::string name = argument.substr(2, argument.find('=') - 2);
    if (options.source(name) == Source::kCommandLine)
      names.push_back(name);
  }
  return names;
}

}  // namespace

Names unused_options(const Options& options, const std::string& of_space, const Names& methods) {
  const nas::SpaceEntry& space = nas::find_space(of_space);
  Names lines;
  for (const std::string& option : names_given(options)) {
    const Names users = methods_with(option);
    const Names spaces = spaces_with(option);
    const bool is_of_all = users.empty() && spaces.empty();
    const bool is_used =
        users.empty() ? space_uses(space, option) : std::ranges::any_of(methods, [&](const std::string& method) {
          return method_uses(nas::find_method(method), space, option);
        });
    if (!is_of_all && !is_used)
      lines.push_back(concat("--", option, " has no effect: it is an option of ",
                             users.empty() ? concat("the spaces ", listed(spaces)) : listed(users),
                             ", and the run is of ", listed(methods), " in the space ", space.name));
  }
  return lines;
}

}  // namespace ockham::apps
