#include "apps/search/option_use.h"

#include <algorithm>

#include "apps/search/search_catalog.h"
#include "engine/error.h"

namespace ockham::apps {
namespace {

using Names = std::vector<std::string>;

struct Use {
  Names options;
  Names methods;
};

/// BayesNAS in its own spaces, whose run has phases (search_run.h).
constexpr const char* kPhases = "bayesnas in the spaces bayesnas and darts";

Names all_but(const Names& methods) {
  Names result = method_names();
  result.emplace_back(kPhases);
  std::erase_if(result, [&](const std::string& name) { return std::ranges::count(methods, name) > 0; });
  return result;
}

/// Options that are not here are of use to all.
const std::vector<Use>& uses() {
  const Names gaussian{"balenas", "balenas-von", "balenas-vogn", "balenas-tf"};
  Names softmax = gaussian;
  softmax.emplace_back("darts");
  static const std::vector<Use> rows{
      {{"lambda", "switch-lr", "update-order"}, {"bayesnas", kPhases}},
      {{"lambda-origin", "rounds", "warmup-epochs", "warmup-fraction", "proximal", "cutout", "gate", "origin-position",
        "dilated", "official-wiring", "hessian-bn", "hessian-refresh", "hessian-scale", "hessian-check"},
       {kPhases}},
      {{"hessian-size"}, {"bayesnas", kPhases}},
      {{"hessian", "hessian-algorithm"}, {"bayesnas", kPhases, "balenas-von"}},
      {{"weight-decay"}, all_but({"pgnas"})},
      {{"arch-fraction", "score-size", "final-lr"}, all_but({kPhases})},
      {{"arch-lr", "eigenvalue-size", "rank-cells", "skip-cap"}, softmax},
      {{"arch-weight-decay", "darts-order"}, {"darts"}},
      {{"examples", "prior-precision", "initial-precision", "mc-samples", "weight-step-alpha"}, gaussian},
      {{"curvature-size"}, {"balenas-von", "balenas-vogn"}},
      {{"draws"}, {"balenas-tf", "pgnas"}},
      {{"proxies", "draw-from", "proxy-size"}, {"balenas-tf"}},
      {{"prior-length", "dropout-examples", "logit-rate", "initial-drop", "temperature", "kl-half"}, {"pgnas"}},
      {{"candidates"}, {"random"}},
  };
  return rows;
}

std::string listed(const Names& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    text += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  return text;
}

}  // namespace

Names unused_options(const Options& options, const Names& methods) {
  const std::string& space = options.text("space");
  Names users;
  for (const std::string& method : methods)
    users.push_back(has_own_run(method, space) ? kPhases : method);
  Names lines;
  for (const Use& use : uses()) {
    const bool is_used =
        std::ranges::any_of(users, [&](const std::string& user) { return std::ranges::count(use.methods, user) > 0; });
    for (const std::string& option : use.options) {
      if (!is_used && options.source(option) == Source::kCommandLine)
        lines.push_back(concat("--", option, " has no effect: it is an option of ", listed(use.methods),
                               ", and the run is of ", listed(methods), " in the space ", space));
    }
  }
  return lines;
}

}  // namespace ockham::apps
