#include "nas/methods/bayesnas/settings.h"

namespace ockham::nas {
namespace {

const std::vector<Named<Gate>> kGateNames{{"origin", Gate::kOrigin}, {"dag", Gate::kDag}, {"both", Gate::kBoth}};

}  // namespace

BayesNasSettings::BayesNasSettings(const SpaceEntry& space)
    : has_rounds_(space.keeps_any_number),
      options_(has_rounds_ ? BayesNasOptions{} : BayesNasOptions::for_single_options()) {
  if (space.is_gated_by_paths) {
    options_.posterior.gate = Gate::kDag;
    options_.posterior.dag_sum = DagSum::kEffective;
  }
  options_.switch_lr = 0.1;
  options_.refresh_batches = has_rounds_ ? 16 : 0;  // they are for running statistics, which one round does not take
  options_.hessian_images = 256;
}

void BayesNasSettings::describe(SettingVisitor& visitor) {
  visitor.group(kSearchHeading);
  visitor.real("lambda", options_.posterior.lambda_child, "strength of the prior: larger keeps fewer operations",
               kPositive);
  if (has_rounds_)
    describe_rounds(visitor);
  visitor.count(
      "rounds", options_.rounds,
      "times that switches are trained, measured and pruned; by a rule of evidence without a budget at most: they end "
      "when the evidence of an image no longer rises",
      {.min = 1, .max = 1000});
  visitor.count("round-epochs", options_.round_epochs, "epochs of each round after the first [--epochs]",
                {.min = 1, .max = 1000000});
  visitor.choice("rule", options_.rule.rule, kRules,
                 "what is pruned: groups of small variance (as published), of small evidence each by itself, or of all "
                 "together, for which the matrix of all switches is measured");
  visitor.real("evidence-threshold", options_.rule.threshold,
               "nats of evidence that a group must be worth to stay; 3 are strong evidence");
  options_.budget.describe(visitor);
  visitor.count("rule-looks", options_.looks,
                "times in the training, evenly, that every rule is asked which cell it would name, for rules.json: all "
                "of the same network; 0 for none",
                {.max = 1000});
  visitor.real("switch-lr", options_.switch_lr, "learning rate of the switches", kPositive);
  weights_.describe(visitor);
  visitor.choice("update-order", options_.posterior.laplace.order,
                 {{"supplement", UpdateOrder::kSupplement}, {"code", UpdateOrder::kCode}},
                 "order of the variance updates; in the first one a group's variance is its norm (supplement) or "
                 "depends on curvature (code)");
  describe_curvature(visitor);
}

void BayesNasSettings::describe_rounds(SettingVisitor& visitor) {
  visitor.real("lambda-origin", lambda_origin_, "the same for the edges' own switches [--lambda]", kPositive);
  visitor.count("warmup-epochs", options_.warmup_epochs, "epochs of weights alone, before the first round (phase A)",
                {.max = 100000});
  visitor.flag("proximal", options_.proximal,
               "shrink switches by proximal steps, which reach exact zeros, in place of the penalty's gradient");
  visitor.choice("gate", gate_, {"origin", "dag", "both"},
                 "what can switch off an operation's prior variance: its edge's own switch, or those before it [dag in "
                 "proxyless, else origin]");
}

void BayesNasSettings::describe_curvature(SettingVisitor& visitor) {
  nas::describe(options_.hessian, visitor);
  visitor.count("hessian-size", options_.hessian_images,
                "images in the Hessian batch; in nasbench201 and 1shot1 at most --score-size",
                {.min = 1, .max = 100000});
  if (!has_rounds_)
    return;
  visitor.choice("hessian-bn", options_.hessian_batch_norm, kBatchNormModes, "batch-norm statistics during that pass");
  visitor.count("hessian-refresh", options_.refresh_batches, "batches that refresh running statistics before the pass",
                {.max = 100000});
  visitor.real_or_auto("hessian-scale", hessian_scale_,
                       "factor on every second derivative, or auto: median of H/lambda becomes 1", kPositive);
  visitor.count("hessian-check", options_.check_entries, "entries to compare with central differences in float64",
                {.max = 100000});
}

void BayesNasSettings::require_usable() const {
  BayesNasOptions known = options_;
  known.posterior.lambda_origin = lambda_origin_.value_or(known.posterior.lambda_child);
  nas::require_usable(known);
}

BayesNasOptions BayesNasSettings::options(const SearchBasics& basics) const {
  BayesNasOptions result = options_;
  result.weights = weights_.options(basics);
  result.switch_sgd = {.momentum = result.weights.sgd.momentum};
  result.posterior.lambda_origin = lambda_origin_.value_or(result.posterior.lambda_child);
  for (const Named<Gate>& gate : kGateNames) {
    if (gate.name == gate_)
      result.posterior.gate = gate.value;
  }
  result.posterior.laplace.hessian_scale = hessian_scale_.value_or(1.0);
  result.calibrates = !hessian_scale_;
  result.hessian.memory_limit = basics.memory_limit;
  result.seed = basics.seed;
  result.dtype = basics.dtype;
  result.device = basics.device;
  return result;
}

std::unique_ptr<SearchMethod> BayesNasSettings::make(const SearchSpace& space, const SearchBasics& basics,
                                                     const ImageSource& images) const {
  return std::make_unique<BayesNas>(space, options(basics), images);
}

std::vector<MethodEntry> bayesnas_methods() {
  const auto settings = [](const SpaceEntry& space) -> std::unique_ptr<MethodSettings> {
    return std::make_unique<BayesNasSettings>(space);
  };
  const auto training = [](const SpaceEntry& space) {
    return space.keeps_any_number ? TrainingDefaults{.lr = 0.1, .weight_decay = 1e-4, .lr_falls = false}
                                  : space.training;
  };
  const auto held_out = [](const SpaceEntry& space) {
    return space.keeps_any_number ? HeldOutImages::kValidation : HeldOutImages::kOfArchitecture;
  };
  return {{.name = "bayesnas",
           .summary = "prunes switches by exact second derivatives",
           .settings = settings,
           .batches = 1,
           .sees = "a batch for weights and switches",
           .has_switches = true,
           .training = training,
           .held_out = held_out}};
}

}  // namespace ockham::nas
