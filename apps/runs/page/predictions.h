#pragma once
// What a network says of every image of a part of the data, and what is kept of it in a run's folder: predictions.json,
// of which its page (run_page.h) shows classes, confusions and the worst images.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/runs/folder/run_folder.h"
#include "data/dataset.h"
#include "engine/tensor.h"

namespace ockham::apps {

class Predictions {
 public:
  /// Of the next images of the part, in its order. @param logits [N, classes] @param labels int64 [N]
  void take(const Tensor& logits, const Tensor& labels);

  /// {"format", "split", "images", "classes": [name], "confusion": [[true, predicted, images]], "worst": [{"image",
  /// "label", "predicted", "probability" (of the predicted class), "loss", "png" (base 64)}]}, the worst those of the
  /// largest loss. @param dataset the images that were taken
  nlohmann::ordered_json facts(const data::Dataset& dataset, const std::string& split, std::size_t worst = 24) const;
  /// The facts as predictions.json.
  void write(RunFolder& folder, const data::Dataset& dataset, const std::string& split) const;
  bool are_empty() const { return seen_.empty(); }

 private:
  struct Seen {
    std::int64_t label = 0, predicted = 0;
    double probability = 0.0, loss = 0.0;
  };
  std::vector<Seen> seen_;
};

}  // namespace ockham::apps
