#pragma once
// The proxies by name, so that programs list and choose them, and what chooses among cells by several of them.
#include <functional>
#include <string>
#include <vector>

#include "nas/proxies/proxies.h"

namespace ockham::nas::proxies {

/// A proxy turned so that larger is better.
struct Proxy {
  std::string name;  ///< "synflow", "ntk"
  std::function<double(const SearchNetwork& subject, const Batch& batch)> score;
};

const std::vector<Proxy>& all();
/// @throws UsageError naming the proxies that there are
const Proxy& find(const std::string& name);

/// Mean rank of each score, the smallest 1; equals share their mean rank, and what is not a number comes first.
std::vector<double> ranks(const std::vector<double>& scores);
/// Sum over proxies of ranks(scores of the proxy).
std::vector<double> rank_sum(const std::vector<std::vector<double>>& scores_by_proxy);

}  // namespace ockham::nas::proxies
