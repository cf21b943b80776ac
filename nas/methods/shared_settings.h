#pragma once
// Settings that several methods have.
#include <optional>

#include "autograd/hessian.h"
#include "nas/methods/method_entry.h"
#include "nas/methods/relaxed.h"

namespace ockham::nas {

/// Headings of --help.
inline constexpr std::string_view kSearchHeading = "Search";
inline constexpr std::string_view kHessianHeading = "Hessian";
inline constexpr std::string_view kOtherMethodsHeading = "Methods other than bayesnas";

/// As options and results name them.
inline const std::vector<Named<Curvature>> kCurvatures{
    {"exact", Curvature::kExact}, {"gauss_newton", Curvature::kGaussNewton}, {"recursion", Curvature::kRecursion}};
inline const std::vector<Named<BatchNormMode>> kBatchNormModes{
    {"running", BatchNormMode::kRunning}, {"frozen", BatchNormMode::kFrozenBatch}, {"batch", BatchNormMode::kBatch}};

/// Of every optimiser by momentum and clipped gradients.
struct StepSettings {
  double momentum = 0.9;
  double clip = 5.0;

  void describe(SettingVisitor& visitor);
};

/// Of the weights' side of a search (weight_training.h).
struct WeightSettings {
  StepSettings steps = {};
  std::optional<double> weight_decay = {};

  void describe(SettingVisitor& visitor);
  WeightOptions options(const SearchBasics& basics) const;
};

/// Of searches by gradient on softmax logits (relaxed.h).
struct RelaxedSettings {
  WeightSettings weights = {};
  double architecture_lr = 3e-4;
  std::optional<std::int64_t> skip_cap = {};

  void describe(SettingVisitor& visitor);
  RelaxedOptions options(const SearchBasics& basics) const;
};

/// How second derivatives are taken.
void describe(HessianOptions& options, SettingVisitor& visitor);
void describe(HessianAlgorithm& algorithm, SettingVisitor& visitor);

/// Cells that are drawn after the last step.
void describe_draws(std::int64_t& draws, SettingVisitor& visitor);

/// By which proxies cells are ranked (proxy_choice.h), and on how many images.
struct ProxySettings {
  std::string names = "synflow";  ///< "NAME,NAME,..."
  std::int64_t images = 32;

  void describe(SettingVisitor& visitor);
  std::vector<std::string> list() const;
};

/// How large the network of a cell that is trained in the end may be.
struct SizeLimits {
  std::optional<std::int64_t> parameters = {}, macs = {};

  void describe(SettingVisitor& visitor);
  bool admit(const CellFacts& facts) const {
    return facts.parameters <= parameters.value_or(facts.parameters) && facts.macs <= macs.value_or(facts.macs);
  }
};

}  // namespace ockham::nas
