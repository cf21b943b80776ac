#include "nas/proxies/registry.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/error.h"
#include "nas/cost.h"

namespace ockham::nas::proxies {
namespace {

double parameters(const SearchNetwork& subject, const Batch&) {
  double count = 0.0;
  for (const Parameter* parameter : subject.weights())
    count += static_cast<double>(parameter->value.numel());
  return count;
}

double macs(const SearchNetwork& subject, const Batch& batch) {
  Tape tape;
  subject.forward({.tape = &tape}, batch.images.slice(0, 0, 1));
  return static_cast<double>(count_macs(tape));
}

}  // namespace

const std::vector<Proxy>& all() {
  static const std::vector<Proxy> proxies{
      {"parameters", parameters},
      {"macs", macs},
      {"gradient_norm", gradient_norm},
      {"plain", plain},
      {"weight_norm", [](const SearchNetwork& subject, const Batch&) { return weight_norm(subject); }},
      {"snip", snip},
      {"grasp", grasp},
      {"synflow", [](const SearchNetwork& subject,
                     const Batch& batch) { return synflow(subject, batch.images.size(1), batch.images.size(2)); }},
      {"naswot", [](const SearchNetwork& subject, const Batch& batch) { return naswot(subject, batch.images); }},
      {"jacobian_covariance",
       [](const SearchNetwork& subject, const Batch& batch) { return jacobian_covariance(subject, batch.images); }},
      {"ntk", [](const SearchNetwork& subject, const Batch& batch) { return -ntk_condition(subject, batch.images); }},
  };
  return proxies;
}

const Proxy& find(const std::string& name) {
  std::string names;
  for (const Proxy& proxy : all()) {
    if (proxy.name == name)
      return proxy;
    names += (names.empty() ? "" : ", ") + proxy.name;
  }
  throw UsageError(concat("proxy '", name, "' is unknown; there are ", names, "."));
}

std::vector<double> ranks(const std::vector<double>& scores) {
  const auto key = [&](std::size_t i) { return std::isnan(scores[i]) ? -HUGE_VAL : scores[i]; };
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, key);
  std::vector<double> result(scores.size());
  for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && key(order[end]) == key(order[begin]))
      ++end;
    const double mean = 0.5 * static_cast<double>(begin + 1 + end);
    for (std::size_t i = begin; i < end; ++i)
      result[order[i]] = mean;
  }
  return result;
}

std::vector<double> rank_sum(const std::vector<std::vector<double>>& scores_by_proxy) {
  std::vector<double> sum;
  for (const std::vector<double>& scores : scores_by_proxy) {
    sum.resize(scores.size(), 0.0);
    const std::vector<double> rank = ranks(scores);
    for (std::size_t i = 0; i < rank.size(); ++i)
      sum[i] += rank[i];
  }
  return sum;
}

}  // namespace ockham::nas::proxies
