#include "nas/diagnosis/rank_agreement.h"

#include "nas/rank_correlation.h"
#include "nas/train/parameter_vectors.h"

namespace ockham::nas {
namespace {

/// Puts logits into a search network that leave one option of each choice. @return the cell of these
std::string put_random_cell(const SearchNetwork& network, const SearchSpace& space, const RandomKey& key) {
  constexpr double kAlone = 1e6;  // times differences of normal numbers: a softmax of ones and zeros
  std::vector<double> numbers;
  const OnHost values(network.architecture, &Parameter::value);
  for (Parameter* parameter : network.architecture) {
    Tensor& value = parameter->value;
    visit_float(value.dtype(), "logits", [&]<class T>() {
      for (T& x : value.span<T>()) {
        numbers.push_back(normal(key, numbers.size()));
        x = static_cast<T>(kAlone * numbers.back());
      }
    });
  }
  return space.derive(numbers);
}

}  // namespace

RankAgreement rank_agreement(const SearchNetwork& network, const SearchSpace& space, const RankQuestion& question) {
  const Restored restored(*network.module);
  std::vector<double> scores, truths;
  for (std::int64_t i = 0; i < question.cells; ++i) {
    const std::string cell =
        put_random_cell(network, space, {question.seed, Purpose::kProbe, static_cast<std::uint64_t>(i)});
    scores.push_back(question.score());
    truths.push_back(question.truth(cell));
  }
  return {.spearman = spearman(scores, truths), .kendall = kendall(scores, truths)};
}

}  // namespace ockham::nas
