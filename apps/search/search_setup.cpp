#include "apps/search/search_setup.h"

#include "apps/cli/format.h"
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

namespace {

/// --hessian-scale: a factor, or the one that calibration finds.
void set_scale(const std::string& text, nas::BayesNasOptions& result) {
  result.calibrates = text == "auto";
  if (result.calibrates)
    return;
  const std::optional<double> scale = parse_real(text);
  if (!scale || !(*scale > 0.0))
    throw UsageError(concat("--hessian-scale ", text, ": must be a positive number or auto."));
  result.posterior.laplace.hessian_scale = *scale;
}

nas::Gate gate_of(const std::string& name) {
  return name == "dag" ? nas::Gate::kDag : name == "both" ? nas::Gate::kBoth : nas::Gate::kOrigin;
}

/// Of the spaces whose cells keep any number of operations.
void set_phases(const Options& options, nas::BayesNasOptions& result) {
  result.proximal = options.flag("proximal");
  result.warmup_epochs = options.count("warmup-epochs");
  result.rounds = options.count("rounds");
  result.refresh_batches = options.count("hessian-refresh");
  result.posterior.lambda_origin =
      options.is_set("lambda-origin") ? options.real("lambda-origin") : options.real("lambda");
  result.posterior.gate = gate_of(options.text("gate"));
  result.hessian_batch_norm = batch_norm_mode_of(options.text("hessian-bn"));
  result.check_entries = options.count("hessian-check");
  set_scale(options.text("hessian-scale"), result);
}

}  // namespace

nas::BayesNasOptions bayesnas_options_of(const Options& options) {
  const bool has_phases = has_own_run(options);
  nas::BayesNasOptions result = has_phases ? nas::BayesNasOptions{} : nas::BayesNasOptions::for_single_options();
  result.weights = {.sgd = {.momentum = options.real("momentum"), .weight_decay = search_weight_decay_of(options)},
                    .clip = options.real("grad-clip")};
  result.switch_sgd = {.momentum = options.real("momentum")};
  result.switch_lr = options.real("switch-lr");
  result.posterior.lambda_child = options.real("lambda");
  result.posterior.laplace.order =
      options.text("update-order") == "code" ? nas::UpdateOrder::kCode : nas::UpdateOrder::kSupplement;
  result.hessian_images = options.count("hessian-size");
  result.hessian = hessian_options_of(options);
  result.seed = static_cast<std::uint64_t>(options.count("seed"));
  result.dtype = precision_of(options).weights;
  if (has_phases)
    set_phases(options, result);
  nas::require_checkable(result);
  return result;
}

EvaluationSize evaluation_size_of(const std::string& preset) {
  if (preset == "paper")
    return {.channels = 36, .cells = 20};
  return preset == "small" ? EvaluationSize{.channels = 12, .cells = 5} : EvaluationSize{.channels = 8, .cells = 5};
}

}  // namespace ockham::apps
