#include "nas/methods/posterior_table.h"

#include <nlohmann/json.hpp>

namespace ockham::nas {
namespace {

nlohmann::ordered_json path_json(const PosteriorTable::Path& path) {
  nlohmann::ordered_json json{{"knob", path.knob},
                              {"limits", path.limits},
                              {"chosen", path.chosen},
                              {"points", nlohmann::ordered_json::array()}};
  for (std::size_t i = 0; i < path.columns.at(path.knob).size(); ++i) {
    nlohmann::ordered_json point;
    for (const auto& [name, values] : path.columns)
      point[name] = values.at(i);
    json["points"].push_back(std::move(point));
  }
  return json;
}

}  // namespace

std::string posterior_json(const PosteriorTable& table, const std::string& method, const std::string& space) {
  using Json = nlohmann::ordered_json;
  Json root{{"format", kPosteriorFormat}, {"method", method}, {"space", space}};
  if (!table.rule.empty())
    root["rule"] = table.rule;
  if (table.threshold)
    root["threshold"] = *table.threshold;
  if (table.evidence)
    root["evidence"] = *table.evidence;
  root["groups"] = Json::array();
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    Json group{{"choice", table.rows[i].choice}, {"option", table.rows[i].option}};
    for (const auto& [name, values] : table.columns)
      group[name] = values.at(i);
    if (!table.rows[i].reason.empty())
      group["reason"] = table.rows[i].reason;
    for (const auto& [name, values] : table.copies)
      group["copies"][name] = values.at(i);
    root["groups"].push_back(std::move(group));
  }
  if (table.correlation) {
    const std::size_t n = table.correlation->rows.size();
    root["correlation"] = {{"groups", table.correlation->rows}, {"matrix", Json::array()}};
    for (std::size_t i = 0; i < n; ++i)
      root["correlation"]["matrix"].push_back(
          std::vector(&table.correlation->values[i * n], &table.correlation->values[i * n] + n));
  }
  if (table.path)
    root["path"] = path_json(*table.path);
  for (const auto& round : table.rounds) {
    Json& line = root["rounds"].emplace_back();
    for (const auto& [name, value] : round)
      line[name] = value;
  }
  return root.dump(1) + "\n";
}

}  // namespace ockham::nas
