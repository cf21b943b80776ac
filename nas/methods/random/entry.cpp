#include "nas/methods/random/random_search.h"
#include "nas/methods/shared_settings.h"

namespace ockham::nas {
namespace {

class RandomSettings : public MethodSettings {
 public:
  void describe(SettingVisitor& visitor) override {
    weights_.describe(visitor);
    visitor.group(kOtherMethodsHeading);
    visitor.count("candidates", options_.candidates, "cells trained (random)", {.min = 1, .max = 10000});
  }
  std::unique_ptr<SearchMethod> make(const SearchSpace& space, const SearchBasics& basics,
                                     const ImageSource& images) const override {
    RandomSearchOptions options = options_;
    options.weights = weights_.options(basics);
    options.lr = basics.lr;
    options.seed = basics.seed;
    options.dtype = basics.dtype;
    options.device = basics.device;
    return std::make_unique<RandomSearch>(space, options, images.held_out);
  }

 private:
  WeightSettings weights_;
  RandomSearchOptions options_;
};

}  // namespace

std::vector<MethodEntry> random_methods() {
  return {{.name = "random",
           .summary = "trains cells drawn at random, keeps the best",
           .settings = default_settings<RandomSettings>,
           .batches = 1,
           .sees = "a batch for the weights of one cell"}};
}

}  // namespace ockham::nas
