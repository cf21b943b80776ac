#include "apps/search/search_setup.h"

#include "apps/search/search_catalog.h"

namespace ockham::apps {

nas::SupernetSpec supernet_spec_of(const Options& options, const nas::FrameSpec& data_frame) {
  const int nodes = static_cast<int>(options.count("nodes"));
  const bool is_darts = options.text("space") == "darts";
  nas::SupernetSpec spec =
      is_darts ? nas::SupernetSpec::darts_with_switches(nodes) : nas::SupernetSpec::bayesnas(nodes);
  if (!is_darts && options.flag("official-wiring"))
    spec.normal = nas::bayesnas_cell(nas::CellKind::kNormal, nodes, true);
  spec.frame.channels = options.count("channels");
  spec.frame.cells = options.count("cells");
  spec.frame.classes = data_frame.classes;
  spec.frame.image_channels = data_frame.image_channels;
  spec.frame.image_size = data_frame.image_size;
  spec.origin = options.text("origin-position") == "input" ? nas::OriginPosition::kInput : nas::OriginPosition::kOutput;
  spec.dilated_is_dense = options.text("dilated") == "dense";
  return spec;
}

nas::UpdateOrder update_order_of(const Options& options) {
  return options.text("update-order") == "code" ? nas::UpdateOrder::kCode : nas::UpdateOrder::kSupplement;
}

nas::BayesNasOptions bayesnas_options_of(const Options& options) {
  nas::BayesNasOptions result;
  result.weight_sgd = {.momentum = options.real("momentum"), .weight_decay = search_weight_decay_of(options)};
  result.switch_sgd = {.momentum = options.real("momentum")};
  result.clip = options.real("grad-clip");
  result.proximal = options.flag("proximal");
  nas::PosteriorOptions& posterior = result.posterior;
  posterior.lambda_child = options.real("lambda");
  posterior.lambda_origin = options.is_set("lambda-origin") ? options.real("lambda-origin") : options.real("lambda");
  const std::string& gate = options.text("gate");
  posterior.gate = gate == "dag" ? nas::Gate::kDag : gate == "both" ? nas::Gate::kBoth : nas::Gate::kOrigin;
  posterior.laplace.order = update_order_of(options);
  result.hessian = hessian_options_of(options);
  result.hessian_batch_norm = batch_norm_mode_of(options.text("hessian-bn"));
  result.seed = static_cast<std::uint64_t>(options.count("seed"));
  return result;
}

EvaluationSize evaluation_size_of(const std::string& preset) {
  if (preset == "paper")
    return {.channels = 36, .cells = 20};
  return preset == "small" ? EvaluationSize{.channels = 12, .cells = 5} : EvaluationSize{.channels = 8, .cells = 5};
}

}  // namespace ockham::apps
