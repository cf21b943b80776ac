#pragma once
// Inside apps/runs/page only: values of JSON as people read them.
#include <nlohmann/json.hpp>
#include <string>

#include "apps/cli/text/format.h"
#include "apps/report/line_chart.h"

namespace ockham::apps {

inline std::string text_of(const nlohmann::ordered_json& value) {
  if (value.is_null())
    return "–";
  if (value.is_string())
    return value.get<std::string>();
  if (value.is_number_integer())
    return format_count(value.get<std::int64_t>());
  return value.is_number() ? ChartForm::plain(value.get<double>()) : value.dump();
}

inline std::string text_at(const nlohmann::ordered_json& object, const char* name) {
  return object.contains(name) ? text_of(object[name]) : "–";
}

}  // namespace ockham::apps
