// ockham-hessian: second derivatives of a checkpoint's loss: exact, Gauss-Newton and recursion side by side.
#include <cmath>
#include <iostream>
#include <limits>

#include "apps/cli/host.h"
#include "apps/cli/output_path.h"
#include "apps/cli/text/format.h"
#include "apps/hessian/matrix_report.h"
#include "apps/runs/folder/source_run.h"
#include "apps/runs/inputs/batches.h"
#include "autograd/hessian_check.h"
#include "engine/atomic_file.h"
#include "nas/methods/shared_settings.h"
#include "nas/rank_correlation.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

const std::vector<Named<ParameterKind>> kKinds{{"switches", ParameterKind::kSwitch},
                                               {"weights", ParameterKind::kWeight}};
struct HessianSettings {
  CheckpointSettings source{.compute = {{.precision = NumberFormat::kFp64}}};
  ParameterKind over = ParameterKind::kSwitch;
  BatchNormMode batch_norm = BatchNormMode::kRunning;
  HessianOptions hessian;
  std::int64_t images = 64;
  std::int64_t checks = 10;
  std::string csv;
  std::int64_t shown = 20;
  std::string matrix;
  double lambda = 0.01;

  std::uint64_t seed() const { return static_cast<std::uint64_t>(source.compute.seed); }
  bool can_be_checked() const {
    return batch_norm != BatchNormMode::kFrozenBatch && hessian.grouping == Grouping::kEntry;
  }
};

void describe(HessianSettings& s, SettingVisitor& v) {
  // Second derivatives of rounded maps are not exact.
  describe(s.source, v, {{"fp64", NumberFormat::kFp64}, {"fp32", NumberFormat::kFp32}});
  v.group("Hessian");
  v.choice("over", s.over, kKinds, "parameters to differentiate by");
  v.choice("hessian-bn", s.batch_norm, nas::kBatchNormModes, "batch-norm statistics");
  nas::describe(s.hessian.algorithm, v);
  v.choice("grouping", s.hessian.grouping,
           {{"entry", Grouping::kEntry},
            {"filter", Grouping::kFilter},
            {"channel", Grouping::kChannel},
            {"layer", Grouping::kLayer}},
           "sum the diagonals of weights");
  v.count("hessian-size", s.images, "images in the batch", {.min = 1, .max = 100000});
  v.count("hessian-check", s.checks, "entries to compare with central differences in float64; 0 for none",
          {.max = 100000});
  v.text("csv", s.csv, "write every entry to this file", "FILE", output_file_complaint);
  v.text(
      "matrix", s.matrix,
      "write the Gauss-Newton matrix of all switches to this file, numpy's format if it is called .npy, else CSV, and "
      "print what it says: leading eigenvectors and strengths",
      "FILE", output_file_complaint);
  v.real("lambda", s.lambda, "what divides the curvature in the strengths that --matrix prints", kPositive);
  v.count("show", s.shown, "entries to print", {.max = 1000000});
}

/// All entries, one parameter after the other.
std::vector<double> entries_of(const HessianResult& result) {
  std::vector<double> entries;
  for (const Tensor& diagonal : result.diagonal)
    entries.insert(entries.end(), diagonal.span<double>().begin(), diagonal.span<double>().end());
  return entries;
}

class Comparison {
 public:
  Comparison(Session& session, const HessianSettings& settings)
      : session_(session),
        settings_(settings),
        hessian_(settings.hessian),
        opened_(open_checkpoint(session, settings.source, "train")) {
    hessian_.memory_limit = settings.source.compute.memory_limit.value_or(0);
  }

  int run() {
    if (opened_.network.module().parameters(settings_.over).empty())
      throw UsageError("--over switches: this network has none; use --over weights, or the checkpoint of a search.");
    batch_ =
        sample_batch(opened_.dataset, settings_.images, settings_.seed(), 0, wide_maps_of(settings_.source.compute));
    const HessianResult exact = measure(Curvature::kExact);
    exact_ = entries_of(exact);
    gauss_newton_ = entries_of(measure(Curvature::kGaussNewton));
    // The recursion has no rule for some programs, and gives entries only: the comparison then goes without it.
    if (hessian_.grouping == Grouping::kEntry && settings_.batch_norm != BatchNormMode::kBatch)
      recursion_ = entries_of(measure(Curvature::kRecursion));
    print(exact);
    if (settings_.checks > 0)
      check();
    if (!settings_.csv.empty())
      write_csv();
    if (!settings_.matrix.empty())
      show_matrix();
    session_.publish(summary(exact));
    return kDone;
  }

  static constexpr const char* kNoCheck =
      "--hessian-check: differences of the loss need --hessian-bn running or batch, and --grouping entry.";

 private:
  std::vector<Parameter*> parameters_on(const Tape& tape) const {
    std::vector<Parameter*> result;
    for (const Node& node : tape.nodes()) {
      if (node.parameter != nullptr && node.parameter->kind == settings_.over)
        result.push_back(node.parameter);
    }
    return result;
  }

  Variable loss_on(Tape& tape, nas::SavedNetwork& network, const nas::Batch& batch) const {
    const bool fuses = settings_.over == ParameterKind::kSwitch && hessian_.curvature != Curvature::kRecursion;
    const Context context{.tape = &tape, .batch_norm = settings_.batch_norm, .fuses = fuses};
    return softmax_cross_entropy(network.logits(context, batch.images), batch.labels);
  }

  HessianResult measure(Curvature curvature) {
    Tape tape;
    hessian_.curvature = curvature;
    const double start = monotonic_seconds();
    const Variable loss = loss_on(tape, opened_.network, batch_);
    const double forward = monotonic_seconds() - start;
    const std::vector<Parameter*> parameters = parameters_on(tape);
    HessianResult result = hessian_diagonal(loss, parameters, hessian_);
    if (curvature != Curvature::kExact)
      return result;
    seconds_ = monotonic_seconds() - start - forward;
    forward_seconds_ = forward;
    for (std::size_t p = 0; p < parameters.size(); ++p) {
      for (std::int64_t i = 0; i < result.diagonal[p].numel(); ++i)
        names_.push_back(concat(parameters[p]->name, "[", i, "]"));
    }
    return result;
  }

  /// Rank correlations of other values with the exact ones.
  Json agreement(const std::vector<double>& others) const {
    constexpr std::size_t kPairsLimit = 5000;  // Kendall compares all pairs
    const auto number = [](double v) { return std::isfinite(v) ? Json(v) : Json(nullptr); };
    return {{"spearman", number(nas::spearman(exact_, others))},
            {"kendall", names_.size() <= kPairsLimit ? number(nas::kendall(exact_, others)) : Json(nullptr)}};
  }

  void print(const HessianResult& exact) const {
    std::cout << batch_.labels.numel() << " training images of " << opened_.dataset->name() << "\nexact by algorithm "
              << letter_of(exact) << " (" << exact.reason << "), " << exact.columns << " passes, " << exact.directions
              << " at once, " << format_duration(seconds_) << ", one forward pass " << format_duration(forward_seconds_)
              << "\n";
    std::size_t width = 5;
    const auto shown = std::min(names_.size(), static_cast<std::size_t>(settings_.shown));
    for (std::size_t i = 0; i < shown; ++i)
      width = std::max(width, names_[i].size());
    const auto row = [&](const std::string& name, const auto&... columns) {
      std::cout << padded(name, width + 2);
      for (const std::string& text : {concat(columns)...})
        std::cout << padded(text, std::max<std::size_t>(16, text.size() + 1));
      std::cout << "\n";
    };
    row("entry", "exact", "gauss_newton", "recursion");
    for (std::size_t i = 0; i < shown; ++i)
      row(names_[i], exact_[i], gauss_newton_[i], recursion_.empty() ? "-" : concat(recursion_[i]));
    if (shown < names_.size())
      std::cout << "... " << names_.size() - shown << " more; --csv FILE has all\n";
    std::cout << "rank correlation with exact: gauss_newton " << agreement(gauss_newton_).dump();
    if (!recursion_.empty())
      std::cout << ", recursion " << agreement(recursion_).dump();
    std::cout << "\n";
  }

  void check() {
    if (!settings_.can_be_checked()) {
      session_.log().line(concat("no self-check; ", kNoCheck));
      return;
    }
    nas::SavedNetwork wide = nas::restore_network(opened_.checkpoint.network, opened_.checkpoint.tensors,
                                                  DType::kFloat64, batch_.images.device());
    const nas::Batch batch{.images = batch_.images.to(DType::kFloat64), .labels = batch_.labels};
    const auto build = [&](Tape& tape) { return loss_on(tape, wide, batch); };
    Tape tape;
    const Variable loss = build(tape);
    const std::vector<Parameter*> parameters = parameters_on(tape);
    hessian_.curvature = Curvature::kExact;
    const HessianResult exact = hessian_diagonal(loss, parameters, hessian_);
    check_ = check_hessian(build, parameters, exact.diagonal, settings_.checks, settings_.seed());
    std::cout << "self-check: " << check_.entries << " entries against central differences in float64, largest error "
              << check_.worst << " of the largest entry\n";
  }

  void write_csv() const {
    std::string text = "entry,exact,gauss_newton,recursion\n";
    for (std::size_t i = 0; i < names_.size(); ++i)
      text += concat('"', names_[i], "\",", format_real(exact_[i]), ',', format_real(gauss_newton_[i]), ',',
                     recursion_.empty() ? "" : format_real(recursion_[i]), '\n');
    write_file_atomically(settings_.csv, text);
  }

  void show_matrix() {
    hessian_.curvature = Curvature::kGaussNewton;
    Tape tape;
    const Variable loss = loss_on(tape, opened_.network, batch_);
    const SwitchMatrix matrix = measure_matrix(loss, parameters_on(tape), hessian_);
    write_matrix(matrix, settings_.matrix);
    matrix_ = print_matrix(matrix, settings_.lambda, settings_.shown);
  }

  static const char* letter_of(const HessianResult& exact) {
    return exact.algorithm == HessianAlgorithm::kReverse ? "R" : "F";
  }

  Json summary(const HessianResult& exact) const {
    Json json{{"dataset", opened_.dataset->name()},
              {"data", opened_.facts},
              {"seed", settings_.source.compute.seed},
              {"over", name_of(kKinds, settings_.over)},
              {"bn", name_of(nas::kBatchNormModes, settings_.batch_norm)},
              {"algorithm", letter_of(exact)},
              {"reason", exact.reason},
              {"piecewise", exact.piecewise},
              {"entries", names_.size()},
              {"negative", std::ranges::count_if(exact_, [](double entry) { return entry < 0.0; })},
              {"passes", exact.columns},
              {"seconds", seconds_},
              {"forward_seconds", forward_seconds_},
              {"gauss_newton", agreement(gauss_newton_)}};
    if (!recursion_.empty())
      json["recursion"] = agreement(recursion_);
    if (check_.entries > 0)
      json["check"] = {{"entries", check_.entries}, {"worst", check_.worst}};
    if (!matrix_.is_null())
      json["matrix"] = matrix_;
    return json;
  }

  Session& session_;
  const HessianSettings& settings_;
  HessianOptions hessian_;
  OpenedCheckpoint opened_;
  nas::Batch batch_;
  std::vector<std::string> names_;  // of entries
  std::vector<double> exact_, gauss_newton_;
  std::vector<double> recursion_;  // empty without it
  HessianCheck check_;
  Json matrix_;  // null: not asked for
  double seconds_ = 0.0;
  double forward_seconds_ = 0.0;
};

int run(Session& session, const HessianSettings& settings) {
  const bool is_asked = session.options().source("hessian-check") == Source::kCommandLine && settings.checks > 0;
  if (is_asked && !settings.can_be_checked())
    throw UsageError(Comparison::kNoCheck);
  if (!settings.matrix.empty() && settings.over != ParameterKind::kSwitch)
    throw UsageError(
        "--matrix is of switches, whose gradients are known sample by sample; use it with --over switches.");
  return Comparison(session, settings).run();
}

}  // namespace
}  // namespace ockham::apps

int main(int argc, char** argv) {
  using namespace ockham::apps;
  return run_main(
      argc, argv,
      app_of("hessian", "Exact diagonal Hessian of a checkpoint, beside Gauss-Newton and the published recursion.", run,
             declare_with_checkpoint<HessianSettings>));
}
