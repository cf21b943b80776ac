#pragma once
// JSON as the run folder and --json write it.
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace ockham::apps {

/// The text of `json`. JSON has no infinities and NaNs: they become the strings "inf", "-inf" and "nan". Bytes that are
/// no UTF-8 become the replacement character.
/// @param indent spaces per level, or -1 for one line
std::string json_text(const nlohmann::ordered_json& json, int indent = -1);

}  // namespace ockham::apps
