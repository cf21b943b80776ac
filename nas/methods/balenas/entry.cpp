#include <algorithm>

#include "nas/methods/balenas/balenas_tf.h"
#include "nas/methods/shared_settings.h"

namespace ockham::nas {
namespace {

/// Of the Gaussian, whatever second derivatives it learns by.
class GaussianSettings : public MethodSettings {
 public:
  void describe(SettingVisitor& visitor) override {
    relaxed_.describe(visitor);
    VariationalOptions& gaussian = options_.variational;
    visitor.real("examples", gaussian.examples,
                 "N of the Gaussian's objective: held-out images of the published setting", {.min = 1});
    visitor.real("prior-precision", gaussian.prior_precision, "of the Gaussian's prior (balenas)", kPositive);
    visitor.real("initial-precision", gaussian.initial_precision, "of the Gaussian at the start; at least the prior's",
                 kPositive);
    visitor.count("mc-samples", options_.draws, "draws in an architecture step (balenas)", {.min = 1, .max = 1000});
    visitor.choice("weight-step-alpha", options_.samples_weight_steps, {{"mean", false}, {"sample", true}},
                   "logits of weight steps (balenas)");
  }

 protected:
  BalenasOptions options(const SearchBasics& basics) const {
    BalenasOptions result = options_;
    result.relaxed = relaxed_.options(basics);
    result.variational.initial_precision =
        std::max(result.variational.initial_precision, result.variational.prior_precision);
    result.hessian.memory_limit = basics.memory_limit;
    return result;
  }

  RelaxedSettings relaxed_;
  BalenasOptions options_;
};

template <ArchitectureCurvature curvature>
class BalenasSettings : public GaussianSettings {
 public:
  BalenasSettings() { options_.curvature = curvature; }
  void describe(SettingVisitor& visitor) override {
    GaussianSettings::describe(visitor);
    if constexpr (curvature != ArchitectureCurvature::kVadam)
      visitor.count("curvature-size", options_.curvature_images,
                    "images for second derivatives (balenas-von, balenas-vogn)", {.min = 1, .max = 100000});
    if constexpr (curvature == ArchitectureCurvature::kVon)
      nas::describe(options_.hessian, visitor);
  }
  void require_usable() const override {
    if (options_.hessian.curvature == Curvature::kRecursion)
      throw UsageError(
          "--hessian recursion: balenas-von differentiates with batch statistics, for which the recursion has no rule; "
          "use --hessian exact or gauss_newton.");
  }
  std::unique_ptr<SearchMethod> make(const SearchSpace& space, const SearchBasics& basics,
                                     const ImageSource&) const override {
    return std::make_unique<Balenas>(space, options(basics));
  }
};

class BalenasTfSettings : public GaussianSettings {
 public:
  void describe(SettingVisitor& visitor) override {
    GaussianSettings::describe(visitor);
    describe_draws(tf_.cells, visitor);
    proxies_.describe(visitor);
  }
  std::unique_ptr<SearchMethod> make(const SearchSpace& space, const SearchBasics& basics,
                                     const ImageSource& images) const override {
    BalenasTfOptions result = tf_;
    result.balenas = options(basics);
    result.proxies = proxies_.list();
    result.proxy_images = proxies_.images;
    return std::make_unique<BalenasTf>(space, result, images.held_out);
  }

 private:
  BalenasTfOptions tf_;
  ProxySettings proxies_;
};

template <class Settings>
MethodEntry gaussian_entry(std::string name, std::string summary) {
  return {.name = std::move(name),
          .summary = std::move(summary),
          .settings = default_settings<Settings>,
          .has_logits = true};
}

}  // namespace

std::vector<MethodEntry> balenas_methods() {
  using enum ArchitectureCurvature;
  return {gaussian_entry<BalenasSettings<kVadam>>("balenas", "a Gaussian over the logits, by Vadam"),
          gaussian_entry<BalenasSettings<kVon>>("balenas-von", "the same with the exact diagonal Hessian"),
          gaussian_entry<BalenasSettings<kVogn>>("balenas-vogn", "the same with per-example gradients"),
          gaussian_entry<BalenasTfSettings>("balenas-tf", "draws cells from balenas's Gaussian, proxies choose")};
}

}  // namespace ockham::nas
