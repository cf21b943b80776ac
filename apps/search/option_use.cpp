#include "apps/search/option_use.h"

#include <algorithm>
#include <set>

#include "apps/search/search_catalog.h"
#include "engine/error.h"

namespace ockham::apps {
namespace {

using Names = std::vector<std::string>;

/// The settings that something describes, by name.
class NamesOf : public SettingVisitor {
 public:
  explicit NamesOf(auto& settings) { settings.describe(*this); }
  bool contains(const std::string& name) const { return names_.contains(name); }
  const std::set<std::string>& all() const { return names_; }

  void group(std::string_view) override {}
  void role(SettingRole) override {}
  void alias(std::string_view, std::string_view) override {}
  void flag(std::string_view name, bool&, std::string_view) override { names_.emplace(name); }
  void count(std::string_view name, std::int64_t&, std::string_view, CountRange) override { names_.emplace(name); }
  void count(std::string_view name, std::optional<std::int64_t>&, std::string_view, CountRange) override {
    names_.emplace(name);
  }
  void real(std::string_view name, double&, std::string_view, RealRange) override { names_.emplace(name); }
  void real(std::string_view name, std::optional<double>&, std::string_view, RealRange) override {
    names_.emplace(name);
  }
  void real_or_auto(std::string_view name, std::optional<double>&, std::string_view, RealRange) override {
    names_.emplace(name);
  }
  void size(std::string_view name, std::optional<std::uint64_t>&, std::string_view) override { names_.emplace(name); }
  void text(std::string_view name, std::string&, std::string_view, std::string_view, TextRule) override {
    names_.emplace(name);
  }
  void choice(std::string_view name, std::string&, const Names&, std::string_view) override { names_.emplace(name); }

 private:
  std::set<std::string> names_;
};

bool space_uses(const nas::SpaceEntry& space, const std::string& option) {
  return NamesOf(*space.settings()).contains(option);
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
  return NamesOf(*method.settings(space)).contains(option);
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

/// Every option that some method or space takes note of and some other may not.
std::set<std::string> all_names() {
  std::set<std::string> names;
  for (const Need& need : needs())
    names.insert(need.options.begin(), need.options.end());
  for (const nas::SpaceEntry& space : nas::spaces()) {
    names.merge(std::set(NamesOf(*space.settings()).all()));
    for (const nas::MethodEntry& method : nas::methods())
      names.merge(std::set(NamesOf(*method.settings(space)).all()));
  }
  return names;
}

}  // namespace

Names unused_options(const Options& options, const Names& methods) {
  const nas::SpaceEntry& space = nas::find_space(options.text("space"));
  Names lines;
  for (const std::string& option : all_names()) {
    if (options.source(option) != Source::kCommandLine)
      continue;
    const Names users = methods_with(option);
    const Names spaces = spaces_with(option);
    const bool is_used =
        users.empty() ? space_uses(space, option) : std::ranges::any_of(methods, [&](const std::string& method) {
          return method_uses(nas::find_method(method), space, option);
        });
    if (!is_used)
      lines.push_back(concat("--", option, " has no effect: it is an option of ",
                             users.empty() ? concat("the spaces ", listed(spaces)) : listed(users),
                             ", and the run is of ", listed(methods), " in the space ", space.name));
  }
  return lines;
}

}  // namespace ockham::apps
