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

/// "a,b" as its parts.
std::vector<std::string> parts_of(std::string_view list) {
  std::vector<std::string> parts(1);
  for (const char c : list) {
    if (c == ',')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

class BalenasTfSettings : public GaussianSettings {
 public:
  void describe(SettingVisitor& visitor) override {
    GaussianSettings::describe(visitor);
    describe_draws(tf_.cells, visitor);
    visitor.text("proxies", proxies_, "what ranks them; several: by the sum of ranks (balenas-tf)", "NAME,NAME,...");
    visitor.choice("draw-from", tf_.draws_uniformly, {{"gaussian", false}, {"uniform", true}},
                   "what they are drawn from; uniform is the control without a search (balenas-tf)");
    visitor.count("proxy-size", tf_.proxy_images, "images that proxies see, at most --score-size (balenas-tf)",
                  {.min = 2, .max = 10000});
  }
  std::unique_ptr<SearchMethod> make(const SearchSpace& space, const SearchBasics& basics,
                                     const ImageSource& images) const override {
    BalenasTfOptions result = tf_;
    result.balenas = options(basics);
    result.proxies = parts_of(proxies_);
    return std::make_unique<BalenasTf>(space, result, images.held_out);
  }

 private:
  BalenasTfOptions tf_;
  std::string proxies_ = "synflow";
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
