#pragma once
// What PGNAS sees of a network with gates, whatever they stand before or behind.
#include <functional>

#include "nas/layers/gate.h"

namespace ockham::nas {

/// In training passes gates are relaxed, in others they are what GatedGroup::keep says.
struct GatedNetwork {
  Module* module;
  std::function<Variable(const Context&, const Variable& images)> forward;  ///< logits of the classes
  std::vector<GatedGroup> groups;
};

/// Of a network with forward() and groups(), which outlives the result.
template <class Network>
GatedNetwork gated(Network& network) {
  return {&network, [&network](const Context& c, const Variable& x) { return network.forward(c, x); },
          network.groups()};
}

}  // namespace ockham::nas
