#include "nas/methods/pgnas/pgnas_search.h"
#include "nas/methods/shared_settings.h"

namespace ockham::nas {
namespace {

class PgnasSettings : public MethodSettings {
 public:
  PgnasSettings() { options_.gates.drop = 0.5; }
  void describe(SettingVisitor& visitor) override {
    steps_.describe(visitor);
    describe_draws(draws_, visitor);
    DropoutPrior& prior = options_.pgnas.prior;
    visitor.real("prior-length", prior.precision, "l^2 of the kernels' prior (pgnas)");
    visitor.real("dropout-examples", prior.examples, "N of its objective", {.min = 1});
    visitor.real("logit-rate", options_.pgnas.logit_rate,
                 "learning rate of the gates' logits over that of the weights (pgnas)", kPositive);
    visitor.real("initial-drop", options_.gates.drop, "drop probability of gates at the start (pgnas)",
                 {.min = 0.001, .max = 0.999});
    visitor.real("temperature", options_.gates.temperature, "of relaxed gates (pgnas)", kPositive);
    visitor.flag("kl-half", prior.kl_half,
                 "the factor 1/2 of the derivation, which the published program leaves out (pgnas)");
  }
  std::unique_ptr<SearchMethod> make(const SearchSpace& space, const SearchBasics& basics,
                                     const ImageSource& images) const override {
    PgnasSearchOptions options = options_;
    options.pgnas.sgd = {.momentum = steps_.momentum, .nesterov = true};
    options.pgnas.clip = steps_.clip;
    options.pgnas.seed = basics.seed;
    options.draws = static_cast<std::uint64_t>(draws_);
    options.dtype = basics.dtype;
    options.device = basics.device;
    return std::make_unique<PgnasSearch>(space, options, images.held_out);
  }

 private:
  StepSettings steps_;
  std::int64_t draws_ = 100;
  PgnasSearchOptions options_;
};

}  // namespace

std::vector<MethodEntry> pgnas_methods() {
  return {{.name = "pgnas",
           .summary = "gates and weights as one posterior, cells drawn from it and ranked",
           .settings = default_settings<PgnasSettings>,
           .batches = 1,
           .sees = "a batch for weights and gates"}};
}

}  // namespace ockham::nas
