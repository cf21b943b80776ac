#pragma once
// A struct of settings names its fields once; from these lines come an option's default, declaration, help and value.
//
//   struct RecipeSettings {
//     double lr = 0.025;
//     bool nesterov = false;
//     std::optional<double> weight_decay;  // unset unless given
//   };
//   void describe(RecipeSettings& settings, SettingVisitor& visitor) {
//     visitor.real("lr", settings.lr, "learning rate at the start", kPositive);
//     visitor.flag("nesterov", settings.nesterov, "Nesterov's form of the momentum");
//     visitor.real("weight-decay", settings.weight_decay, "weight decay [1e-4]");
//   }
//
// A visitor reads the fields, to declare options whose defaults they are, or writes those that were given. So
// describe() names every field on every call, whatever the others hold. Libraries describe what can be set in them;
// what reads command lines is above them (apps/cli/options/settings.h).
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace ockham {

/// Limits of a whole number, both allowed.
struct CountRange {
  std::int64_t min = 0;
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
  bool operator==(const CountRange&) const = default;
};

/// Limits of a real number; `min` itself is refused when `min_excluded`.
struct RealRange {
  double min = 0;
  double max = std::numeric_limits<double>::infinity();
  bool min_excluded = false;
  bool operator==(const RealRange&) const = default;
};
inline constexpr RealRange kPositive = {.min_excluded = true};
inline constexpr RealRange kFraction = {.max = 1};

/// A value of an enumeration as people write it.
template <class E>
struct Named {
  std::string_view name;
  E value;
};

/// @throws std::logic_error for a value without a name
template <class E>
std::string name_of(const std::vector<Named<E>>& values, E value) {
  for (const Named<E>& named : values) {
    if (named.value == value)
      return std::string(named.name);
  }
  throw std::logic_error("a setting has a value without a name");
}

/// An extra rule for a text: what is wrong with it, to follow "'TEXT' ", such as "is no device"; empty if nothing is.
using TextRule = std::string (*)(const std::string& text);

/// What a setting is to the work: part of it; something that may change when the work goes on; how it is asked for and
/// shown, which is not kept with it.
enum class SettingRole { kWork, kChangeable, kPresentation };

/// Names have hyphens and no leading ones: "weight-decay". Fields without a value, std::nullopt or an empty text, are
/// unset unless given. Two structs may name the same setting if they agree about its kind, default and limits.
class SettingVisitor {
 public:
  virtual ~SettingVisitor() = default;

  /// The heading of the settings that follow, whose role is kWork until role() says otherwise.
  virtual void group(std::string_view) {}
  virtual void role(SettingRole) {}
  /// Another name for a setting that has been named.
  virtual void alias(std::string_view /*other*/, std::string_view /*name*/) {}
  /// A named setting that need not be named where it is given: the first such is the first word of the command line.
  virtual void word(std::string_view) {}
  virtual void flag(std::string_view name, bool& field, std::string_view help) = 0;
  virtual void count(std::string_view name, std::int64_t& field, std::string_view help, CountRange range = {}) = 0;
  virtual void count(std::string_view name, std::optional<std::int64_t>& field, std::string_view help,
                     CountRange range = {}) = 0;
  virtual void real(std::string_view name, double& field, std::string_view help, RealRange range = {}) = 0;
  virtual void real(std::string_view name, std::optional<double>& field, std::string_view help,
                    RealRange range = {}) = 0;
  /// A real number, or the word auto, which is std::nullopt.
  virtual void real_or_auto(std::string_view name, std::optional<double>& field, std::string_view help,
                            RealRange range = {}) = 0;
  /// A number of bytes such as 512MB or 2GiB.
  virtual void size(std::string_view name, std::optional<std::uint64_t>& field, std::string_view help) = 0;
  virtual void text(std::string_view name, std::string& field, std::string_view help,
                    std::string_view placeholder = "TEXT", TextRule rule = nullptr) = 0;
  virtual void choice(std::string_view name, std::string& field, const std::vector<std::string>& names,
                      std::string_view help) = 0;

  /// A choice whose field is an enumeration or a truth value. @throws std::logic_error if the field's value is none of
  /// `values`
  template <class E>
  requires std::is_enum_v<E> || std::is_same_v<E, bool>
  void choice(std::string_view name, E& field, const std::vector<Named<std::type_identity_t<E>>>& values,
              std::string_view help) {
    std::vector<std::string> names;
    for (const Named<E>& value : values)
      names.emplace_back(value.name);
    std::string chosen = name_of(values, field);
    choice(name, chosen, names, help);
    for (const Named<E>& value : values) {
      if (value.name == chosen)
        field = value.value;
    }
  }
};

}  // namespace ockham
