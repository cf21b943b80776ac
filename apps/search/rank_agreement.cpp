#include "apps/search/rank_agreement.h"

#include "nas/rank_correlation.h"
#include "nas/train/parameter_vectors.h"

namespace ockham::apps {
namespace {

/// Puts logits into a search network that leave one option of each choice. @return the cell of these
std::string put_random_cell(const nas::SearchNetwork& network, const nas::SearchSpace& space, const RandomKey& key) {
  constexpr double kAlone = 1e6;  // times differences of normal numbers: a softmax of ones and zeros
  std::vector<double> numbers;
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

nlohmann::ordered_json rank_agreement(const nas::SearchNetwork& network, const nas::SearchSpace& space,
                                      const nas::nasbench201::Table& table, const RankQuestion& question,
                                      const std::function<double()>& score, const nas::Pause& pause) {
  using nas::nasbench201::Column;
  const auto column = question.dataset == "cifar100" ? Column::kC100Test : Column::kC10Test;
  const nas::Restored restored(*network.module);
  std::vector<double> scores, truth;
  for (std::int64_t i = 0; i < question.cells; ++i) {
    pause();
    const std::string cell =
        put_random_cell(network, space, {question.seed, Purpose::kProbe, static_cast<std::uint64_t>(i)});
    scores.push_back(score());
    truth.push_back(table.at(nas::nasbench201::parse_cell(cell))[column]);
  }
  return {{"cells", question.cells},
          {"column", std::string(nas::nasbench201::kColumns[static_cast<std::size_t>(column)])},
          {"spearman", nas::spearman(scores, truth)},
          {"kendall", nas::kendall(scores, truth)}};
}

}  // namespace ockham::apps
