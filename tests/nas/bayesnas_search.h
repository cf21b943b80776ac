#pragma once
// A BayesNAS search of a small network of cells, whose switches and groups are found by their place in a cell.
#include "nas/methods/bayesnas/bayesnas.h"
#include "nas/spaces/cells/cell_space.h"
#include "tests/nas/networks.h"

namespace ockham::test {

struct BayesNasSearch {
  BayesNasSearch(const nas::SupernetSpec& spec, const nas::BayesNasOptions& options, nas::ImageSource images = {})
      : space(spec, tiny_evaluation()),
        method(space, options, std::move(images)),
        net(static_cast<nas::Supernet&>(*method.network().owned.module)) {}

  const nas::SwitchGroup& origin(nas::CellKind kind, std::size_t edge) const {
    return group(net.origins(kind, edge).front(), 0);
  }
  const nas::SwitchGroup& operation(nas::CellKind kind, std::size_t edge, std::size_t op) const {
    return group(net.switches(kind, edge).front(), op);
  }
  std::vector<Parameter*> weights() { return net.parameters(ParameterKind::kWeight); }

  nas::SoftmaxSpace space;
  nas::BayesNas method;
  nas::Supernet& net;

 private:
  const nas::SwitchGroup& group(const Parameter* first, std::size_t index) const {
    const auto& places = method.network().groups;
    const auto found = std::ranges::find_if(places, [&](const nas::SwitchPlaces& place) {
      return !place.copies.empty() && place.copies[0].parameter == first && place.copies[0].index == index;
    });
    return method.groups()[static_cast<std::size_t>(found - places.begin())];
  }
};

/// A table's columns by the numbers of a space's choices; 0 where there is no row.
inline std::map<std::string, std::vector<double>> by_number(const nas::SearchSpace& space,
                                                            const nas::PosteriorTable& table) {
  std::map<std::string, std::vector<double>> result;
  for (const nas::Choice& choice : space.choices()) {
    for (const std::string& option : choice.options) {
      const auto found = std::ranges::find_if(
          table.rows, [&](const auto& row) { return row.choice == choice.name && row.option == option; });
      for (const auto& [name, values] : table.columns)
        result[name].push_back(
            found == table.rows.end() ? 0.0 : values[static_cast<std::size_t>(found - table.rows.begin())]);
    }
  }
  return result;
}

}  // namespace ockham::test
