#include "nas/methods/controls/largest.h"
#include "nas/methods/controls/proxy_draws.h"

namespace ockham::nas {
namespace {

class LargestSettings : public MethodSettings {
 public:
  void describe(SettingVisitor& visitor) override { options_.limits.describe(visitor); }
  std::unique_ptr<SearchMethod> make(const SearchSpace& space, const SearchBasics& basics,
                                     const ImageSource&) const override {
    LargestOptions options = options_;
    options.seed = basics.seed;
    return std::make_unique<Largest>(space, options);
  }

 private:
  LargestOptions options_;
};

class ProxyDrawsSettings : public MethodSettings {
 public:
  void describe(SettingVisitor& visitor) override {
    describe_draws(options_.cells, visitor);
    proxies_.describe(visitor);
  }
  std::unique_ptr<SearchMethod> make(const SearchSpace& space, const SearchBasics& basics,
                                     const ImageSource& images) const override {
    ProxyDrawsOptions options = options_;
    options.judge = {.proxies = proxies_.list(), .seed = basics.seed};
    options.images = proxies_.images;
    options.seed = basics.seed;
    return std::make_unique<ProxyDraws>(space, options, images.held_out);
  }

 private:
  ProxyDrawsOptions options_;
  ProxySettings proxies_;
};

MethodEntry untrained(MethodEntry entry) {
  entry.batches = 0;
  return entry;
}

}  // namespace

std::vector<MethodEntry> controls_methods() {
  return {untrained({.name = "proxies",
                     .summary = "draws cells at random, training-free proxies choose",
                     .settings = default_settings<ProxyDrawsSettings>,
                     .sees = "nothing: there are no steps"}),
          untrained({.name = "largest",
                     .summary = "takes the cell of the most multiply-accumulates that fits",
                     .settings = default_settings<LargestSettings>,
                     .sees = "nothing: there are no steps"})};
}

}  // namespace ockham::nas
