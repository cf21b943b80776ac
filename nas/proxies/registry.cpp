#include "nas/proxies/registry.h"

#include "engine/error.h"

namespace ockham::nas::proxies {

const std::vector<Proxy>& all() {
  static const std::vector<Proxy> proxies{
      {"tensors", [](const SearchNetwork& subject, const Batch&) { return tensor_count(subject); }},
      {"parameters", [](const SearchNetwork& subject, const Batch&) { return parameter_count(subject); }},
      {"macs", [](const SearchNetwork& subject,
                  const Batch& batch) { return mac_count(subject, batch.images.size(1), batch.images.size(2)); }},
      {"gradient_norm", gradient_norm},
      {"plain", plain},
      {"weight_norm", [](const SearchNetwork& subject, const Batch&) { return weight_norm(subject); }},
      {"snip", snip},
      {"grasp", grasp, true},
      {"fisher", fisher},
      {"fisher_spectrum",
       [](const SearchNetwork& subject, const Batch& batch) { return fisher_spectrum(subject, batch.images); }, true},
      {"synflow",
       [](const SearchNetwork& subject, const Batch& batch) {
         return synflow(subject, batch.images.size(1), batch.images.size(2));
       },
       true},
      {"naswot", [](const SearchNetwork& subject, const Batch& batch) { return naswot(subject, batch.images); }},
      {"jacobian_covariance",
       [](const SearchNetwork& subject, const Batch& batch) { return jacobian_covariance(subject, batch.images); }},
      {"zen",
       [](const SearchNetwork& subject, const Batch& batch) {
         return zen_score(subject.up_to_features(), batch.images.size(1), batch.images.size(2), {.repeats = 4});
       },
       false, true},
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

}  // namespace ockham::nas::proxies
