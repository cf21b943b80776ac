#include "apps/runs/page/predictions.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "apps/cli/text/json_text.h"
#include "apps/report/base64.h"
#include "data/image/encode.h"
#include "engine/atomic_file.h"
#include "engine/error.h"

namespace ockham::apps {
namespace {

constexpr int kFormat = 1;

std::string png_of(const data::Dataset& dataset, std::int64_t image) {
  data::Picture picture{dataset.shape(), std::vector<std::uint8_t>(static_cast<std::size_t>(dataset.shape().count()))};
  dataset.read(image, picture.pixels);
  return base64(data::encode_png(picture));
}

}  // namespace

void Predictions::take(const Tensor& given_logits, const Tensor& given_labels) {
  const Tensor logits = given_logits.to(Device{}).to(DType::kFloat64), labels = given_labels.to(Device{});
  const auto classes = static_cast<std::size_t>(logits.size(1));
  for (std::int64_t n = 0; n < logits.size(0); ++n) {
    const std::span<const double> row(logits.data<double>() + n * logits.size(1), classes);
    const auto top = std::ranges::max_element(row);
    const double sum = std::accumulate(row.begin(), row.end(), 0.0,
                                       [&](double total, double logit) { return total + std::exp(logit - *top); });
    const std::int64_t label = labels.data<std::int64_t>()[n];
    const double loss = std::log(sum) + *top - row[static_cast<std::size_t>(label)];
    seen_.push_back({.label = label,
                     .predicted = top - row.begin(),
                     .probability = 1.0 / sum,
                     .loss = std::isnan(loss) ? std::numeric_limits<double>::infinity() : loss});
  }
}

nlohmann::ordered_json Predictions::facts(const data::Dataset& dataset, const std::string& split,
                                          std::size_t worst) const {
  using Json = nlohmann::ordered_json;
  OCKHAM_ASSERT(std::ssize(seen_) == dataset.size());
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> confusion;
  for (const Seen& one : seen_)
    ++confusion[{one.label, one.predicted}];
  Json facts{{"format", kFormat},          {"split", split},
             {"images", seen_.size()},     {"classes", dataset.class_names()},
             {"confusion", Json::array()}, {"worst", Json::array()}};
  for (const auto& [pair, images] : confusion)
    facts["confusion"].push_back({pair.first, pair.second, images});

  std::vector<std::size_t> order(seen_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::erase_if(order, [&](std::size_t image) { return seen_[image].label == seen_[image].predicted; });
  const std::size_t count = std::min(worst, order.size());
  std::ranges::partial_sort(order, order.begin() + static_cast<std::ptrdiff_t>(count),
                            [&](std::size_t a, std::size_t b) {
                              return seen_[a].loss != seen_[b].loss ? seen_[a].loss > seen_[b].loss : a < b;
                            });
  order.resize(count);
  for (const std::size_t image : order) {
    const Seen& one = seen_[image];
    facts["worst"].push_back({{"image", image},
                              {"label", one.label},
                              {"predicted", one.predicted},
                              {"probability", one.probability},
                              {"loss", one.loss},
                              {"png", png_of(dataset, static_cast<std::int64_t>(image))}});
  }
  return facts;
}

void Predictions::write(RunFolder& folder, const data::Dataset& dataset, const std::string& split) const {
  write_file_atomically(folder.file("predictions.json"), json_text(facts(dataset, split)) + "\n");
}

}  // namespace ockham::apps
