#include "nas/diagnosis/collapse_watch.h"

#include <cmath>

#include "nas/diagnosis/architecture_eigenvalue.h"

namespace ockham::nas {
namespace {

constexpr std::size_t kBack = 5;  ///< epochs
constexpr const char* kName = "search.eigenvalues";

}  // namespace

CollapseWatch::Sight CollapseWatch::look(const SearchNetwork& network, const Batch& batch, std::uint64_t seed) {
  Sight sight{.eigenvalue = largest_architecture_eigenvalue(network, batch, {.seed = seed})};
  if (!std::isfinite(sight.eigenvalue))
    return sight;
  eigenvalues_.push_back(sight.eigenvalue);
  if (eigenvalues_.size() <= kBack)
    return sight;
  if (eigenvalues_.size() > kBack + 1)
    eigenvalues_.erase(eigenvalues_.begin());
  if (sight.eigenvalue * 0.75 > std::abs(eigenvalues_.front()))  // the largest by magnitude may have been negative
    sight.warning =
        concat("warning: the largest eigenvalue of the architecture's Hessian grew from ", eigenvalues_.front(), " to ",
               sight.eigenvalue, " in ", kBack, " epochs: a search about to collapse; see --skip-cap");
  return sight;
}

void CollapseWatch::add_to(std::map<std::string, Tensor>& state) const {
  if (!eigenvalues_.empty())
    state.emplace(kName, Tensor::from(eigenvalues_, {static_cast<std::int64_t>(eigenvalues_.size())}));
}

void CollapseWatch::load(const std::map<std::string, Tensor>& state) {
  const auto found = state.find(kName);
  if (found == state.end())
    return;
  if (found->second.dtype() != DType::kFloat64 || found->second.numel() > static_cast<std::int64_t>(kBack) + 1)
    throw CheckpointError(concat("checkpoint: ", kName, " is ", found->second.spec(), ", not float64 of at most ",
                                 kBack + 1, " epochs; the file is damaged."));
  const std::span<const double> values = found->second.span<double>();
  eigenvalues_.assign(values.begin(), values.end());
}

}  // namespace ockham::nas
