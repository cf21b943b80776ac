#pragma once
// The proxies by name, so that programs list and choose them. selection.h chooses by several.
#include <functional>
#include <string>
#include <vector>

#include "nas/proxies/proxies.h"

namespace ockham::nas::proxies {

/// A proxy turned so that larger is better. linear_regions is not among them: it wants a network of its own.
struct Proxy {
  std::string name;  ///< "synflow", "ntk"
  std::function<double(const SearchNetwork& subject, const Batch& batch)> score;
  bool wants_double = false;    ///< float32 has too few digits for it, or too small a range
  bool needs_features = false;  ///< scores only networks with SearchNetwork::features
};

const std::vector<Proxy>& all();
/// @throws UsageError naming the proxies that there are
const Proxy& find(const std::string& name);

}  // namespace ockham::nas::proxies
