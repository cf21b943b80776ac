#include "nas/methods/shared_settings.h"

namespace ockham::nas {

void StepSettings::describe(SettingVisitor& visitor) {
  visitor.group(kSearchHeading);
  visitor.real("momentum", momentum, "momentum of both optimisers", kFraction);
  visitor.real("grad-clip", clip, "largest norm of the weights' gradient; 0 for no limit");
}

void WeightSettings::describe(SettingVisitor& visitor) {
  steps.describe(visitor);
  visitor.real(
      "weight-decay", weight_decay,
      "weight decay of the weights; switches are never decayed [1e-4; 5e-4 in nasbench201, else 3e-4 for others]");
}

WeightOptions WeightSettings::options(const SearchBasics& basics) const {
  return {.sgd = {.momentum = steps.momentum, .weight_decay = weight_decay.value_or(basics.default_weight_decay)},
          .clip = steps.clip};
}

void RelaxedSettings::describe(SettingVisitor& visitor) {
  weights.describe(visitor);
  visitor.group(kOtherMethodsHeading);
  visitor.real("arch-lr", architecture_lr, "learning rate of the logits (darts, balenas)", kPositive);
  visitor.count("skip-cap", skip_cap, "most skip connections of the derived cell (darts, balenas) [no limit]",
                {.max = 1000});
}

RelaxedOptions RelaxedSettings::options(const SearchBasics& basics) const {
  return {.weights = weights.options(basics),
          .architecture_lr = architecture_lr,
          .skip_cap = skip_cap.value_or(-1),
          .seed = basics.seed,
          .dtype = basics.dtype,
          .device = basics.device};
}

void describe(HessianOptions& options, SettingVisitor& visitor) {
  visitor.group(kHessianHeading);
  visitor.choice("hessian", options.curvature, kCurvatures,
                 "second derivatives: exact, Gauss-Newton, or the published approximate recursion");
  describe(options.algorithm, visitor);
}

void describe(HessianAlgorithm& algorithm, SettingVisitor& visitor) {
  visitor.choice("hessian-algorithm", algorithm,
                 {{"auto", HessianAlgorithm::kAuto},
                  {"reverse", HessianAlgorithm::kReverse},
                  {"forward", HessianAlgorithm::kForward}},
                 "exact algorithm: R, F, or R where exact");
}

void describe_draws(std::int64_t& draws, SettingVisitor& visitor) {
  visitor.group(kOtherMethodsHeading);
  visitor.count("draws", draws, "cells drawn at the end (balenas-tf, pgnas, proxies)", {.min = 1, .max = 100000});
}

void ProxySettings::describe(SettingVisitor& visitor) {
  visitor.group(kOtherMethodsHeading);
  visitor.text("proxies", names, "what ranks them; several: by the sum of ranks (balenas-tf, proxies)",
               "NAME,NAME,...");
  visitor.count("proxy-size", images, "images that proxies see, at most --score-size (balenas-tf, proxies)",
                {.min = 2, .max = 10000});
}

std::vector<std::string> ProxySettings::list() const {
  std::vector<std::string> parts(1);
  for (const char c : names) {
    if (c == ',')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

void SizeLimits::describe(SettingVisitor& visitor) {
  visitor.group(kSearchHeading);
  visitor.role(SettingRole::kChangeable);
  visitor.count("max-params", parameters,
                "most parameters of the network that train builds of the cell (bayesnas, largest) [no limit]",
                {.min = 1});
  visitor.count("max-macs", macs, "most multiply-accumulates of the same for one image (bayesnas, largest) [no limit]",
                {.min = 1});
  visitor.role(SettingRole::kWork);
}

}  // namespace ockham::nas
