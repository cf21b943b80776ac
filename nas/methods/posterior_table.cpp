#include "nas/methods/posterior_table.h"

#include <nlohmann/json.hpp>

namespace ockham::nas {

std::string posterior_json(const PosteriorTable& table, const std::string& method, const std::string& space) {
  using Json = nlohmann::ordered_json;
  Json root{{"format", kPosteriorFormat}, {"method", method}, {"space", space}};
  if (table.threshold)
    root["threshold"] = *table.threshold;
  root["groups"] = Json::array();
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    Json group{{"choice", table.rows[i].choice}, {"option", table.rows[i].option}};
    for (const auto& [name, values] : table.columns)
      group[name] = values.at(i);
    for (const auto& [name, values] : table.copies)
      group["copies"][name] = values.at(i);
    root["groups"].push_back(std::move(group));
  }
  return root.dump(1) + "\n";
}

}  // namespace ockham::nas
