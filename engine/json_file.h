#pragma once
// JSON of the files that runs write: run.json, summary.json, the metadata of checkpoints. Whatever
// they hold, what is wrong is told with the file's name and the key.
#include <concepts>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "engine/error.h"

namespace ockham {

/// Reads a file of JSON (engine/strict_json.h). @throws CheckpointError naming it
nlohmann::ordered_json read_json(const std::filesystem::path& path);

/// The same of text within a file. @param name what messages call it
nlohmann::ordered_json parse_json(std::string_view text, std::string_view name);

namespace detail {

[[noreturn]] void refuse_json(std::string_view name, std::string_view key, const nlohmann::ordered_json& value,
                              std::string_view wanted);

/// The value as a T. @param key whose value it is, or a part of that
template <class T>
T read_as(const nlohmann::ordered_json& value, std::string_view key, std::string_view name) {
  if constexpr (std::same_as<T, nlohmann::ordered_json>) {
    return value;
  } else if constexpr (std::same_as<T, bool>) {
    if (!value.is_boolean())
      refuse_json(name, key, value, "true or false");
    return value.get<bool>();
  } else if constexpr (std::integral<T>) {
    const bool fits = value.is_number_unsigned()  ? std::in_range<T>(value.get<std::uint64_t>())
                      : value.is_number_integer() ? std::in_range<T>(value.get<std::int64_t>())
                                                  : false;
    if (!fits)
      refuse_json(name, key, value, "a whole number within bounds");
    return value.get<T>();
  } else if constexpr (std::same_as<T, double>) {
    if (!value.is_number())
      refuse_json(name, key, value, "a number");
    return value.get<double>();
  } else if constexpr (std::same_as<T, std::string>) {
    if (!value.is_string())
      refuse_json(name, key, value, "a text");
    return value.get<std::string>();
  } else {  // std::vector and std::array of these
    if (!value.is_array())
      refuse_json(name, key, value, "a list");
    T result;
    if constexpr (requires { result.reserve(0); })
      result.resize(value.size());
    if (result.size() != value.size())
      refuse_json(name, key, value, concat("a list of ", result.size()));
    for (std::size_t i = 0; i < result.size(); ++i)
      result[i] = read_as<typename T::value_type>(value[i], key, name);
    return result;
  }
}

}  // namespace detail

/// The value of a key, which must be of this very type: a fraction is no whole number, 1 is not true.
/// T: bool, whole numbers, double, std::string, nlohmann::ordered_json, and vectors and arrays of these
/// @param name what messages call the object
/// @throws CheckpointError naming the key, if it is missing or of another type
template <class T>
T value_of(const nlohmann::ordered_json& object, std::string_view key, std::string_view name) {
  const auto found = object.find(std::string(key));
  if (found == object.end())
    throw CheckpointError(concat(name, ": it lacks '", key, "'; it is damaged or of another version."));
  return detail::read_as<T>(*found, key, name);
}

/// The same, with what stands for a missing key.
template <class T>
T value_of(const nlohmann::ordered_json& object, std::string_view key, std::string_view name, T missing) {
  return object.contains(std::string(key)) ? value_of<T>(object, key, name) : std::move(missing);
}

}  // namespace ockham
