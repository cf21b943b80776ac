#pragma once
// From structs that describe their fields (engine/settings.h) to options and back.
//
//   OptionTable table;
//   declare_settings<RecipeSettings>(table);
//   const auto recipe = read_settings<RecipeSettings>(table.parse(arguments, environment));
#include "apps/cli/options/options.h"
#include "engine/settings.h"

namespace ockham::apps {

/// Declares an option for every field that it visits, the field's value for its default; see OptionTable::declare for
/// names that are declared already.
class OptionDeclarer : public SettingVisitor {
 public:
  explicit OptionDeclarer(OptionTable& table) : table_(table) {}

  void group(std::string_view heading) override;
  void role(SettingRole role) override { role_ = role; }
  void alias(std::string_view other, std::string_view name) override;
  void word(std::string_view name) override { table_.positional(std::string(name)); }
  void flag(std::string_view name, bool& field, std::string_view help) override;
  void count(std::string_view name, std::int64_t& field, std::string_view help, CountRange range) override;
  void count(std::string_view name, std::optional<std::int64_t>& field, std::string_view help,
             CountRange range) override;
  void real(std::string_view name, double& field, std::string_view help, RealRange range) override;
  void real(std::string_view name, std::optional<double>& field, std::string_view help, RealRange range) override;
  void real_or_auto(std::string_view name, std::optional<double>& field, std::string_view help,
                    RealRange range) override;
  void size(std::string_view name, std::optional<std::uint64_t>& field, std::string_view help) override;
  void text(std::string_view name, std::string& field, std::string_view help, std::string_view placeholder,
            TextRule rule) override;
  void choice(std::string_view name, std::string& field, const std::vector<std::string>& names,
              std::string_view help) override;

 private:
  void declare(Option option);

  OptionTable& table_;
  SettingRole role_ = SettingRole::kWork;
};

/// Puts the values of options into the fields that it visits.
class OptionReader : public SettingVisitor {
 public:
  explicit OptionReader(const Options& options) : options_(options) {}

  void flag(std::string_view name, bool& field, std::string_view) override;
  void count(std::string_view name, std::int64_t& field, std::string_view, CountRange) override;
  void count(std::string_view name, std::optional<std::int64_t>& field, std::string_view, CountRange) override;
  void real(std::string_view name, double& field, std::string_view, RealRange) override;
  void real(std::string_view name, std::optional<double>& field, std::string_view, RealRange) override;
  void real_or_auto(std::string_view name, std::optional<double>& field, std::string_view, RealRange) override;
  void size(std::string_view name, std::optional<std::uint64_t>& field, std::string_view) override;
  void text(std::string_view name, std::string& field, std::string_view, std::string_view, TextRule) override;
  void choice(std::string_view name, std::string& field, const std::vector<std::string>&, std::string_view) override;

 private:
  /// Empty if unset.
  const std::string& text_of(std::string_view name) const;

  const Options& options_;
};

/// Options for the fields of `settings`, whose values become the defaults.
template <class Settings>
void declare_settings(OptionTable& table, Settings settings = Settings()) {
  OptionDeclarer declarer(table);
  describe(settings, declarer);
}

/// The settings that the options say.
template <class Settings>
Settings read_settings(const Options& options) {
  Settings settings;
  OptionReader reader(options);
  describe(settings, reader);
  return settings;
}

}  // namespace ockham::apps
