#pragma once
// JSON from files that may be hostile, read by one parser with limits: values of nlohmann::json print, copy and vanish
// by recursion, so that a text nested deeply enough would end the program long after it was read.
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"

namespace ockham {

struct JsonLimits {
  std::size_t bytes = std::size_t{16} << 20;
  int depth = 64;
  std::size_t keys = 10'000;  ///< in one object: ordered_json looks for a key by going through all of them
};

namespace detail {

/// Called by the parser at each event; the only place where a repeated key can still be seen.
template <class Json, class Refusal>
class StrictJsonEvents {
 public:
  StrictJsonEvents(std::string_view name, const JsonLimits& limits) : name_(name), limits_(limits) {}

  bool operator()(int depth, typename Json::parse_event_t event, Json& value) {
    if (depth > limits_.depth)
      throw Refusal(concat(name_, ": values are nested deeper than ", limits_.depth, " levels."));
    if (event == Json::parse_event_t::object_start)
      keys_.emplace_back();
    if (event == Json::parse_event_t::object_end)
      keys_.pop_back();
    if (event == Json::parse_event_t::key)
      add_key(value.template get_ref<const std::string&>());
    return true;
  }

 private:
  void add_key(const std::string& key) {
    if (!keys_.back().insert(key).second)
      throw Refusal(concat(name_, ": key '", key.substr(0, 40), "' occurs twice in one object."));
    if (keys_.back().size() > limits_.keys)
      throw Refusal(concat(name_, ": an object has more than ", limits_.keys, " keys."));
  }

  std::string_view name_;
  const JsonLimits& limits_;
  std::vector<std::set<std::string>> keys_;
};

}  // namespace detail

/// Parses a whole text: valid JSON within the limits, no key twice in one object.
/// @param name what the text is; begins the message
/// @throws Refusal, such as CheckpointError, with the rule broken and, for malformed text, line and column
template <class Refusal, class Json = nlohmann::ordered_json>
Json parse_strict_json(std::string_view text, std::string_view name, const JsonLimits& limits = {}) {
  if (text.size() > limits.bytes)
    throw Refusal(concat(name, ": the text is longer than ", limits.bytes, " bytes."));
  // The parser takes a zero byte for the end of the text and would not look at what follows.
  if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos)
    throw Refusal(concat(name, ": malformed: byte ", zero, " is zero."));
  try {
    return Json::parse(text, detail::StrictJsonEvents<Json, Refusal>(name, limits));
  } catch (const nlohmann::json::exception& error) {
    std::string message = error.what();  // "[json.exception.parse_error.101] parse error at line 1, ..."
    message.erase(0, message.find(']') + 2);
    if (message.size() > 200)  // it quotes the text at length
      message.resize(200);
    throw Refusal(concat(name, ": malformed: ", message));
  }
}

}  // namespace ockham
