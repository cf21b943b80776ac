#include "nas/methods/method.h"

namespace ockham::nas {

PosteriorTable table_of(const SearchSpace& space, std::map<std::string, std::vector<double>> columns) {
  PosteriorTable table{.columns = std::move(columns)};
  for (const Choice& choice : space.choices()) {
    for (const std::string& option : choice.options)
      table.rows.push_back({choice.name, option});
  }
  return table;
}

}  // namespace ockham::nas
