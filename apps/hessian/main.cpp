// ockham-hessian: second derivatives of a checkpoint's loss: exact, Gauss-Newton and recursion side by side.
#include <cmath>
#include <iostream>
#include <limits>

#include "apps/cli/host.h"
#include "apps/cli/output_path.h"
#include "apps/cli/text/format.h"
#include "apps/runs/common_options.h"
#include "apps/runs/folder/source_run.h"
#include "apps/runs/hessian_options.h"
#include "apps/runs/inputs/batches.h"
#include "apps/runs/inputs/precision.h"
#include "apps/runs/program.h"
#include "autograd/hessian_check.h"
#include "engine/atomic_file.h"
#include "nas/rank_correlation.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

void declare(OptionTable& table) {
  add_compute_options(table);
  table.at("precision").choices = {"fp64", "fp32"};  // second derivatives of rounded maps are not exact
  table.at("precision").fallback = "fp64";
  add_checkpoint_options(table);
  table.group("Hessian");
  table.choice("over", {"switches", "weights"}, "switches", "parameters to differentiate by");
  table.choice("hessian-bn", {"running", "frozen", "batch"}, "running", "batch-norm statistics");
  table.choice("hessian-algorithm", {"auto", "reverse", "forward"}, "auto", "exact algorithm: R, F, or R where exact");
  table.choice("grouping", {"entry", "filter", "channel", "layer"}, "entry", "sum the diagonals of weights");
  table.count("hessian-size", 64, "images in the batch", {.min = 1, .max = 100000});
  table.count("hessian-check", 10, "entries to compare with central differences in float64; 0 for none",
              {.max = 100000});
  table.text("csv", "", "write every entry to this file", "FILE").complaint = output_file_complaint;
  table.count("show", 20, "entries to print", {.max = 1000000});
}

/// One row of the comparison.
struct Entry {
  std::string name;
  double exact = 0.0;
  double gauss_newton = 0.0;
  double recursion = 0.0;
};

class Comparison {
 public:
  explicit Comparison(Session& session)
      : session_(checked(session)),
        options_(session.options()),
        dtype_(precision_of(options_).weights),
        opened_(open_checkpoint(session, dtype_, "train")) {
    hessian_.algorithm = options_.text("hessian-algorithm") == "reverse"   ? HessianAlgorithm::kReverse
                         : options_.text("hessian-algorithm") == "forward" ? HessianAlgorithm::kForward
                                                                           : HessianAlgorithm::kAuto;
    const std::string& grouping = options_.text("grouping");
    hessian_.grouping = grouping == "filter"    ? Grouping::kFilter
                        : grouping == "channel" ? Grouping::kChannel
                        : grouping == "layer"   ? Grouping::kLayer
                                                : Grouping::kEntry;
    if (options_.is_set("memory-limit"))
      hessian_.memory_limit = options_.size("memory-limit");
  }

  int run() {
    if (opened_.network.module().parameters(kind()).empty())
      throw UsageError("--over switches: this network has none; use --over weights, or the checkpoint of a search.");
    const data::DatasetPtr& dataset = opened_.dataset;
    data::Loader loader(dataset, evaluation_transform(*dataset),
                        {.batch_size = std::min(options_.count("hessian-size"), dataset->size()),
                         .seed = static_cast<std::uint64_t>(options_.count("seed")),
                         .threads = 0});
    batch_ = to_tensors(*loader.next(), dtype_);
    const HessianResult exact = measure(Curvature::kExact);
    std::vector<HessianResult> others{measure(Curvature::kGaussNewton)};
    // The recursion has no rule for some programs, and gives entries only: the comparison then goes without it.
    has_recursion_ = hessian_.grouping == Grouping::kEntry && batch_norm() != BatchNormMode::kBatch;
    if (has_recursion_)
      others.push_back(measure(Curvature::kRecursion));
    collect(exact, others);
    print(exact);
    if (options_.count("hessian-check") > 0)
      check();
    if (options_.is_set("csv"))
      write_csv(options_.text("csv"));
    session_.publish(summary(exact));
    return kDone;
  }

 private:
  static constexpr const char* kNoCheck =
      "--hessian-check: differences of the loss need --hessian-bn running or batch, and --grouping entry.";

  ParameterKind kind() const {
    return options_.text("over") == "switches" ? ParameterKind::kSwitch : ParameterKind::kWeight;
  }
  static bool can_be_checked(const Options& options) {
    return options.text("hessian-bn") != "frozen" && options.text("grouping") == "entry";
  }
  /// What options tell alone, before anything is opened.
  static Session& checked(Session& session) {
    const Options& options = session.options();
    if (options.source("hessian-check") == Source::kCommandLine && options.count("hessian-check") > 0 &&
        !can_be_checked(options))
      throw UsageError(kNoCheck);
    return session;
  }
  BatchNormMode batch_norm() const { return batch_norm_mode_of(options_.text("hessian-bn")); }

  std::vector<Parameter*> parameters_on(const Tape& tape) const {
    std::vector<Parameter*> result;
    for (const Node& node : tape.nodes()) {
      if (node.parameter != nullptr && node.parameter->kind == kind())
        result.push_back(node.parameter);
    }
    return result;
  }

  Variable loss_on(Tape& tape, RestoredNetwork& network, const nas::Batch& batch) const {
    const bool fuses = options_.text("over") == "switches" && hessian_.curvature != Curvature::kRecursion;
    const Context context{.tape = &tape, .batch_norm = batch_norm(), .fuses = fuses};
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
    if (curvature == Curvature::kExact) {
      seconds_ = monotonic_seconds() - start - forward;
      forward_seconds_ = forward;
      names_.clear();
      for (const Parameter* parameter : parameters)
        names_.push_back(parameter->name);
    }
    return result;
  }

  void collect(const HessianResult& exact, const std::vector<HessianResult>& others) {
    constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
    for (std::size_t p = 0; p < exact.diagonal.size(); ++p) {
      for (std::int64_t i = 0; i < exact.diagonal[p].numel(); ++i)
        entries_.push_back({concat(names_[p], "[", i, "]"), exact.diagonal[p].data<double>()[i],
                            others[0].diagonal[p].data<double>()[i],
                            has_recursion_ ? others[1].diagonal[p].data<double>()[i] : kNone});
    }
  }

  std::vector<double> column(double Entry::*member) const {
    std::vector<double> values;
    for (const Entry& e : entries_)
      values.push_back(e.*member);
    return values;
  }

  Json agreement(double Entry::*member) const {
    constexpr std::size_t kPairsLimit = 5000;  // Kendall compares all pairs
    const std::vector<double> a = column(&Entry::exact);
    const std::vector<double> b = column(member);
    const double tau = entries_.size() <= kPairsLimit ? nas::kendall(a, b) : std::numeric_limits<double>::quiet_NaN();
    const double rho = nas::spearman(a, b);
    const auto number = [](double v) { return std::isfinite(v) ? Json(v) : Json(nullptr); };
    return {{"spearman", number(rho)}, {"kendall", number(tau)}};
  }

  void print(const HessianResult& exact) const {
    std::cout << batch_.labels.numel() << " training images of " << opened_.dataset->name() << "\nexact by algorithm "
              << (exact.algorithm == HessianAlgorithm::kReverse ? "R" : "F") << " (" << exact.reason << "), "
              << exact.columns << " passes, " << exact.directions << " at once, " << format_duration(seconds_)
              << ", one forward pass " << format_duration(forward_seconds_) << "\n";
    std::size_t width = 5;
    const auto shown = std::min(entries_.size(), static_cast<std::size_t>(options_.count("show")));
    for (std::size_t i = 0; i < shown; ++i)
      width = std::max(width, entries_[i].name.size());
    const auto row = [&](const std::string& name, const auto& a, const auto& b, const auto& c) {
      std::cout << name << std::string(width + 2 - std::min(width, name.size()), ' ');
      for (const std::string& text : {concat(a), concat(b), concat(c)})
        std::cout << text << std::string(text.size() < 16 ? 16 - text.size() : 1, ' ');
      std::cout << "\n";
    };
    row("entry", "exact", "gauss_newton", "recursion");
    for (std::size_t i = 0; i < shown; ++i)
      row(entries_[i].name, entries_[i].exact, entries_[i].gauss_newton,
          has_recursion_ ? concat(entries_[i].recursion) : "-");
    if (shown < entries_.size())
      std::cout << "... " << entries_.size() - shown << " more; --csv FILE has all\n";
    std::cout << "rank correlation with exact: gauss_newton " << agreement(&Entry::gauss_newton).dump();
    if (has_recursion_)
      std::cout << ", recursion " << agreement(&Entry::recursion).dump();
    std::cout << "\n";
  }

  void check() {
    if (!can_be_checked(options_)) {
      session_.log().line(concat("no self-check; ", kNoCheck));
      return;
    }
    RestoredNetwork wide = restore_network(opened_.checkpoint, DType::kFloat64);
    const nas::Batch batch{.images = batch_.images.to(DType::kFloat64), .labels = batch_.labels};
    const auto build = [&](Tape& tape) { return loss_on(tape, wide, batch); };
    Tape tape;
    const Variable loss = build(tape);
    const std::vector<Parameter*> parameters = parameters_on(tape);
    hessian_.curvature = Curvature::kExact;
    const HessianResult exact = hessian_diagonal(loss, parameters, hessian_);
    check_ = check_hessian(build, parameters, exact.diagonal, options_.count("hessian-check"),
                           static_cast<std::uint64_t>(options_.count("seed")));
    std::cout << "self-check: " << check_.entries << " entries against central differences in float64, largest error "
              << check_.worst << " of the largest entry\n";
  }

  void write_csv(const std::string& path) const {
    std::string text = "entry,exact,gauss_newton,recursion\n";
    for (const Entry& e : entries_)
      text += concat('"', e.name, "\",", format_real(e.exact), ',', format_real(e.gauss_newton), ',',
                     has_recursion_ ? format_real(e.recursion) : "", '\n');
    write_file_atomically(path, text);
  }

  Json summary(const HessianResult& exact) const {
    std::int64_t negative = 0;
    for (const Entry& e : entries_)
      negative += e.exact < 0.0;
    Json json{{"dataset", opened_.dataset->name()},
              {"data", opened_.facts},
              {"seed", options_.count("seed")},
              {"over", options_.text("over")},
              {"bn", options_.text("hessian-bn")},
              {"algorithm", exact.algorithm == HessianAlgorithm::kReverse ? "R" : "F"},
              {"reason", exact.reason},
              {"piecewise", exact.piecewise},
              {"entries", entries_.size()},
              {"negative", negative},
              {"passes", exact.columns},
              {"seconds", seconds_},
              {"forward_seconds", forward_seconds_},
              {"gauss_newton", agreement(&Entry::gauss_newton)}};
    if (has_recursion_)
      json["recursion"] = agreement(&Entry::recursion);
    if (check_.entries > 0)
      json["check"] = {{"entries", check_.entries}, {"worst", check_.worst}};
    return json;
  }

  Session& session_;
  const Options& options_;
  DType dtype_;
  OpenedCheckpoint opened_;
  HessianOptions hessian_;
  nas::Batch batch_;
  std::vector<std::string> names_;
  std::vector<Entry> entries_;
  HessianCheck check_;
  bool has_recursion_ = false;
  double seconds_ = 0.0;
  double forward_seconds_ = 0.0;
};

}  // namespace
}  // namespace ockham::apps

int main(int argc, char** argv) {
  return ockham::apps::run_main(argc, argv,
                                {.name = "hessian",
                                 .purpose = "Exact diagonal Hessian of a checkpoint, beside Gauss-Newton and the "
                                            "published recursion.",
                                 .declare = ockham::apps::declare,
                                 .run = [](ockham::apps::Session& s) { return ockham::apps::Comparison(s).run(); }});
}
