#include "nas/diagnosis/logit_evidence.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "autograd/reverse.h"
#include "nas/bayes/evidence/evidence.h"
#include "nas/train/parameter_vectors.h"

namespace ockham::nas {
namespace {

std::vector<double> entries_of(const std::vector<Tensor>& tensors) {
  std::vector<double> result;
  for (const Tensor& tensor : tensors) {
    const Tensor wide = tensor.to(Device{}).to(DType::kFloat64);
    const std::span<const double> values = wide.span<double>();
    result.insert(result.end(), values.begin(), values.end());
  }
  return result;
}

void subtract_means(const SearchSpace& space, std::vector<double>& logits) {
  auto begin = logits.begin();
  for (const Choice& choice : space.choices()) {
    const auto end = begin + std::ssize(choice.options);
    const double mean = std::accumulate(begin, end, 0.0) / static_cast<double>(choice.options.size());
    std::for_each(begin, end, [&](double& logit) { logit -= mean; });
    begin = end;
  }
}

}  // namespace

LogitEvidence logit_evidence(const SearchSpace& space, const SearchNetwork& network, const Batch& batch, double lambda,
                             const HessianOptions& options) {
  Tape tape;
  const Variable loss = network.loss(&tape, batch);
  const std::vector<double> H = entries_of(hessian_diagonal(loss, network.architecture, options).diagonal);
  const std::vector<double> g = entries_of(gradients(loss, network.architecture));
  LogitEvidence evidence{.offset = entries_of(values_of(network.architecture))};
  subtract_means(space, evidence.offset);
  for (std::size_t i = 0; i < H.size(); ++i) {
    const std::span<const double> w(&evidence.offset[i], 1);
    evidence.strength.push_back(group_evidence(w, {&g[i], 1}, {&H[i], 1}, lambda).strength);
  }
  return evidence;
}

std::vector<std::pair<std::string, double>> nats_in_favour(const SearchSpace& space, const LogitEvidence& evidence) {
  std::vector<std::pair<std::string, double>> sums;
  std::size_t i = 0;
  for (const Choice& choice : space.choices()) {
    for (const std::string& option : choice.options) {
      auto found = std::ranges::find(sums, option, &std::pair<std::string, double>::first);
      if (found == sums.end())
        found = sums.insert(sums.end(), {option, 0.0});
      found->second += evidence.offset[i] > 0.0 ? evidence.strength[i] : 0.0;
      ++i;
    }
  }
  return sums;
}

}  // namespace ockham::nas
