#include "apps/cli/text/json_text.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/cli/text/format.h"

namespace ockham::apps {
namespace {

void spell_out_non_finite(nlohmann::ordered_json& json) {
  if (json.is_structured()) {
    for (auto& element : json)
      spell_out_non_finite(element);
  } else if (json.is_number_float() && !std::isfinite(json.get<double>())) {
    const double value = json.get<double>();
    json = std::isnan(value) ? "nan" : format_real(value);  // a NaN's sign means nothing
  }
}

}  // namespace

std::string json_text(const nlohmann::ordered_json& json, int indent) {
  nlohmann::ordered_json spelled = json;
  spell_out_non_finite(spelled);
  return spelled.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace ockham::apps
