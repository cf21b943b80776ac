#pragma once
// A classifier that is one layer, such as a Sequential.
#include "nas/layers/layer.h"
#include "nas/network/classifier.h"

namespace ockham::nas {

class LayerClassifier : public Classifier {
 public:
  explicit LayerClassifier(std::unique_ptr<Layer> layer) : layer_(add("", std::move(layer))) {}
  ClassifierOutput forward(const Context& context, const Variable& images) override {
    return {.logits = layer_.forward(context, images)};
  }

 private:
  Layer& layer_;
};

}  // namespace ockham::nas
