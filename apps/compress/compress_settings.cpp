#include "apps/compress/compress_settings.h"

#include <algorithm>

#include "apps/cli/options/options_check.h"
#include "apps/cli/options/settings.h"
#include "apps/cli/text/format.h"
#include "apps/compress/compress_groups.h"
#include "apps/runs/folder/source_run.h"
#include "nas/compression/groups/patterns.h"

namespace ockham::apps {
namespace {

constexpr double kPenalty = 1e-4;    // lambda of rules that train with a penalty, unless it is given
constexpr double kDenseShare = 0.1;  // of --lr, for the cycles, unless their rate is given
constexpr std::int64_t kMany = 1'000'000;

std::string pattern_complaint(const std::string& text) {
  try {
    if (text != kTied)
      nas::parse_patterns(text);
  } catch (const UsageError& e) {
    return concat("is no pattern (", e.what(), ")");
  }
  return "";
}

/// Of a list of budgets. @param complaint_of  one of them
std::string budgets_complaint(const std::string& text, std::string (*complaint_of)(const std::string&)) {
  std::vector<double> seen;
  for (const std::string& part : split_list(text)) {
    if (const std::string complaint = complaint_of(part); !complaint.empty())
      return concat("holds '", part, "', which ", complaint);
    seen.push_back(parse_real(part).value());
    if (std::ranges::count(seen, seen.back()) > 1)
      return concat("holds ", part, " twice; it would give the same run again");
  }
  return "";
}

std::string counts_complaint(const std::string& text) {
  return budgets_complaint(text, [](const std::string& part) -> std::string {
    return parse_count(part).value_or(0) > 0 ? "" : "is no whole number above 0";
  });
}

std::string latencies_complaint(const std::string& text) {
  return budgets_complaint(text, [](const std::string& part) { return real_complaint(part, kPositive); });
}

void describe_budgets(CompressSettings& s, SettingVisitor& v) {
  v.role(SettingRole::kChangeable);  // a resumed sweep may have more
  v.text("max-params", s.max_params,
         "prune until no more parameters are left, equal shares in each cycle; several: a sweep, each from the same "
         "dense network in a folder of its own, to which resuming may add some",
         "N,N,...", counts_complaint);
  v.text("max-macs", s.max_macs, "the same of multiply-accumulates an image", "N,N,...", counts_complaint);
  v.text("max-latency", s.max_latency,
         "the same of milliseconds of a pass over --latency-batch images, median of several of networks really made "
         "small, on this machine: two runs differ, and may leave different networks",
         "X,X,...", latencies_complaint);
  v.role(SettingRole::kWork);
  v.count("latency-batch", s.latency_batch, "images in that pass [1]", {.min = 1, .max = 100'000});
}

/// Those that are given.
std::vector<std::pair<std::string, std::string>> budget_options(const CompressSettings& s) {
  std::vector<std::pair<std::string, std::string>> options{
      {"params", s.max_params}, {"macs", s.max_macs}, {"latency", s.max_latency}};
  std::erase_if(options, [](const auto& option) { return option.second.empty(); });
  return options;
}

void check_budgets(const CompressSettings& s) {
  const auto given = budget_options(s);
  if (given.size() > 1)
    throw UsageError(concat("--max-", given[0].first, " ", given[0].second, " and --max-", given[1].first, " ",
                            given[1].second, ": groups go in one order until one budget is met; drop one of them."));
  if (s.latency_batch && s.max_latency.empty())
    throw UsageError(concat("--latency-batch ", *s.latency_batch,
                            " is of the pass that --max-latency limits, and there is no such limit; give it or drop "
                            "this."));
  if (given.empty() && !nas::has_threshold(s.rule))
    throw UsageError(concat("--rule ", name_of(s.rule),
                            " orders groups but has no threshold; give --max-params, --max-macs or --max-latency."));
}

void describe_rule(CompressSettings& s, SettingVisitor& v) {
  v.text(
      "pattern", s.pattern,
      "groups of weights that go together: tied (a channel, with all that writes and reads it), or, joined by commas, "
      "filter, channel, row, column, shape, kernel, kernel-row, kernel-column, element, which leave zeros where no "
      "whole channel is gone",
      "NAME,...", pattern_complaint);
  v.choice("rule", s.rule,
           {{"evidence", nas::Criterion::kEvidence},
            {"published", nas::Criterion::kPublished},
            {"magnitude", nas::Criterion::kMagnitude},
            {"group-lasso", nas::Criterion::kGroupLasso},
            {"obd", nas::Criterion::kOptimalBrainDamage}},
           "which groups go: those for which the data do not speak; BayesNAS's by their variance, trained with its "
           "penalty; the smallest; the smallest after training with one penalty for all; optimal brain damage");
  v.real("lambda", s.lambda,
         "strength of the penalty, and what divides the curvature [evidence: 1 / training images; else 1e-4]",
         kPositive);
  v.real("nats", s.nats, "evidence: groups of less strength go [0]");
  v.real("threshold", s.relative,
         "published, group-lasso: variances below so many times their layer's median go [0.001]");
  v.real("threshold-abs", s.max_abs, "the same: groups whose weights are all smaller go [0.001]");
  v.real("threshold-normalised", s.normalised,
         "published: variances below this go, of weights in units of their layer's root mean square [none]");
  v.real("threshold-alpha", s.alpha, "published: groups whose mean alpha is larger go [none]");
  v.real("most", s.most, "part of the groups that may go in one cycle by a threshold, the lowest first",
         {.max = 1.0, .min_excluded = true});
  v.flag("per-layer", s.is_per_layer, "compare scores after division by the mean of their layer");
  v.choice("omega", s.sum, {{"mean", nas::GroupSum::kMean}, {"sum", nas::GroupSum::kSum}},
           "published: over a group's weights; a sum penalises large groups more");
  v.choice("curvature", s.curvature, {{"exact", Curvature::kExact}, {"gauss-newton", Curvature::kGaussNewton}},
           "second derivatives by weights");
  v.count("hessian-size", s.images, "training images that they are of", {.min = 1, .max = kMany});
}

}  // namespace

void describe(CompressSettings& s, SettingVisitor& v) {
  describe(s.train, v);
  v.group("Compression");
  v.role(SettingRole::kChangeable);  // a folder may have moved
  v.text("checkpoint", s.checkpoint,
         "start from this network: a file, or the folder of a run (its last one), which answers the data options; "
         "--epochs are then trained before the first cycle",
         "FILE|DIR");
  v.role(SettingRole::kWork);
  describe_rule(s, v);
  v.count("cycles", s.cycles, "times that it is pruned", {.min = 1, .max = 1000});
  v.count("cycle-epochs", s.cycle_epochs, "epochs of training before each", {.max = kMany});
  v.count("fine-epochs", s.fine_epochs, "epochs after the last, without penalty", {.max = kMany});
  v.real("cycle-lr", s.cycle_lr,
         "learning rate of the cycles, which falls to 0 over the epochs after the last [a tenth of --lr]", kPositive);
  describe_budgets(s, v);
  v.count("round-to", s.round_to, "leave multiples of so many channels in each layer, which kernels like",
          {.min = 1, .max = 64});
}

void declare_compress(OptionTable& table) {
  declare_settings<CompressSettings>(table);
  answer_data_by_run(table, "checkpoint");
  table.preset("quick", {{"dataset", "shapes"},
                         {"train-size", "2000"},
                         {"valid-size", "500"},
                         {"test-size", "500"},
                         {"model", "lenet5-caffe"},
                         {"epochs", "3"},
                         {"batch-size", "64"},
                         {"lr", "0.02"},
                         {"cutout", "0"},
                         {"hessian-size", "128"},
                         {"cycles", "3"}});
  // Black is 0: a border that is always black then has no part in the loss, and goes.
  table.preset("mnist", {{"dataset", "mnist"},
                         {"normalisation", "none"},
                         {"valid-size", "5000"},
                         {"epochs", "10"},
                         {"batch-size", "64"},
                         {"lr", "0.02"},
                         {"cutout", "0"},
                         {"pad", "2"},
                         {"cycles", "12"},
                         {"cycle-epochs", "1"},
                         {"cycle-lr", "0.02"},
                         {"fine-epochs", "15"}});
}

void check(const CompressSettings& s) {
  if (!s.checkpoint.empty() && !(s.train.network.model.empty() && s.train.network.genotype.empty()))
    throw UsageError(concat("--checkpoint ", s.checkpoint,
                            " tells the network that is compressed; drop --model and --genotype, or the checkpoint."));
  if (s.train.network.auxiliary)
    throw UsageError("--auxiliary: the second classifier is no part of what is compressed; drop it.");
  if (s.train.recipe.ema > 0.0)
    throw UsageError(concat("--ema ", s.train.recipe.ema,
                            ": the average of weights before and after they are pruned is not sparse; drop it."));
  check_budgets(s);
}

std::optional<Budgets> budgets_of(const CompressSettings& s) {
  using Of = nas::CompressionBudget::Of;
  const auto given = budget_options(s);
  if (given.empty())
    return std::nullopt;
  const auto& [name, text] = given.front();
  Budgets budgets{.of = name == "params" ? Of::kParams
                        : name == "macs" ? Of::kMacs
                                         : Of::kLatency,
                  .name = name,
                  .texts = split_list(text)};
  for (const std::string& one : budgets.texts)
    budgets.most.push_back(parse_real(one).value());
  return budgets;
}

nas::CompressorOptions compressor_options_of(const CompressSettings& s, std::int64_t images) {
  const bool is_evidence = s.rule == nas::Criterion::kEvidence;
  nas::CompressorOptions options{
      .rule = s.rule, .nats = s.nats.value_or(0.0), .is_per_layer = s.is_per_layer, .most = s.most};
  options.prior.lambda = s.lambda.value_or(is_evidence ? 1.0 / static_cast<double>(images) : kPenalty);
  options.prior.laplace.sum = s.sum;
  options.thresholds.normalised = s.normalised;
  options.thresholds.alpha = s.alpha;
  if (s.relative)
    options.thresholds.relative = s.relative;
  if (s.max_abs)
    options.thresholds.max_abs = s.max_abs;
  options.hessian.curvature = s.curvature;
  options.cycles = s.cycles;
  if (const auto budgets = budgets_of(s))
    options.budget = nas::CompressionBudget{.of = budgets->of, .most = budgets->most.front()};
  return options;
}

double cycle_rate(const CompressSettings& s) {
  return s.cycle_lr.value_or(kDenseShare * schedule_of(s.train.recipe).initial);
}

}  // namespace ockham::apps
