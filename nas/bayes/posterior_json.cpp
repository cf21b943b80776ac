#include <nlohmann/json.hpp>

#include "nas/bayes/posterior.h"

namespace ockham::nas {
namespace {

using Json = nlohmann::ordered_json;

Json group_json(const SwitchGroup& group) {
  return {{"switch", group.w},
          {"gamma", group.state.gamma},
          {"omega", group.state.omega},
          {"hessian", group.hessian},
          {"covariance", group.state.covariance},
          {"effective_variance", group.effective},
          {"entropy", gaussian_entropy(group.effective)},
          {"pruned_round", group.pruned_round}};
}

Json cell_json(const CellPosterior& cell) {
  Json edges = Json::array();
  for (std::size_t e = 0; e < cell.edges.size(); ++e) {
    const EdgeSpec& place = cell.spec.edges[e];
    Json ops = Json::object();
    for (std::size_t o = 0; o < cell.primitives.size(); ++o)
      ops[std::string(primitive_name(cell.primitives[o]))] = group_json(cell.edges[e].ops[o]);
    edges.push_back({{"edge", edge_name(place.from, place.to)},
                     {"from", source_name(place.from)},
                     {"to", place.to},
                     {"stride", place.stride},
                     {"origin", group_json(cell.edges[e].origin)},
                     {"ops", ops}});
  }
  return edges;
}

}  // namespace

std::string posterior_json(const CellPosterior& normal, const CellPosterior& reduce) {
  const Json root = {
      {"format", 1}, {"threshold", kPruneThreshold}, {"normal", cell_json(normal)}, {"reduce", cell_json(reduce)}};
  return root.dump(1) + "\n";
}

}  // namespace ockham::nas
