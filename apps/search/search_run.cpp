#include "apps/search/search_run.h"

#include <algorithm>
#include <cmath>
#include <iostream>

#include "apps/cli/format.h"
#include "apps/cli/host.h"
#include "apps/cli/progress.h"
#include "apps/runs/batches.h"
#include "apps/runs/checkpoints.h"
#include "apps/runs/hessian_check.h"
#include "apps/runs/limited_run.h"
#include "apps/runs/networks.h"
#include "apps/runs/recorded_facts.h"
#include "apps/runs/training_line.h"
#include "apps/search/search_catalog.h"
#include "apps/search/search_report.h"
#include "apps/search/search_setup.h"
#include "data/augment.h"
#include "engine/allocator.h"
#include "nas/bayes/calibration.h"
#include "nas/cost.h"
#include "nas/train/trainer.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

/// Where a search stands: which phase, and how far in it. Round 0 is the warm-up (phase A).
struct Position {
  std::int64_t round = 0;
  std::int64_t epoch = 0;
  std::int64_t batch = 0;
  std::uint64_t step = 0;
  std::int64_t micro_batch = 0;  ///< images at a time that the run was started with; 0: whole batches

  Json json() const {
    return {{"round", round}, {"epoch", epoch}, {"batch", batch}, {"step", step}, {"micro_batch", micro_batch}};
  }
  static Position from(const Json& j) {
    return {count_of(j, "round"), count_of(j, "epoch"), count_of(j, "batch"),
            static_cast<std::uint64_t>(count_of(j, "step")), count_of(j, "micro_batch")};
  }
};

class SearchRun {
 public:
  /// @param micro_batch images at a time that the memory limit allows; 0: there is no limit
  explicit SearchRun(Session& session, std::int64_t micro_batch = 0)
      : session_(session),
        options_(session.options()),
        precision_(precision_of(options_)),
        seed_(static_cast<std::uint64_t>(options_.count("seed"))),
        splits_(open_recorded_splits(options_)),
        initial_{.seed = seed_, .dtype = precision_.weights},
        network_(supernet_spec_of(options_, data_frame()), initial_),
        search_(network_, bayesnas_options_of(options_)),
        warmup_(part(true)),
        rounds_(part(false)) {
    use_micro_batch(micro_batch);
  }

  int run() {
    if (options_.flag("dry-run"))
      return print_plan();
    RunFolder& folder = session_.folder();
    Checkpoints checkpoints(folder);
    checkpoints_ = &checkpoints;
    started_ = monotonic_seconds();
    if (const auto last = checkpoints.resume()) {
      read_from(*last, [&] { resume_from(*last); });
      if (at_.round > options_.count("rounds") && repeat_results(session_))
        return kDone;
    } else {
      folder.describe("data", data_facts(splits_));
    }
    if (at_.micro_batch > 0 && at_.micro_batch < options_.count("batch-size"))
      session_.log().line(micro_batch_line(options_.count("batch-size"), at_.micro_batch));
    warn_of_jumps();
    Progress progress(session_.log(), "search", total_steps(), static_cast<std::int64_t>(at_.step));
    progress_ = &progress;
    for (; at_.round <= options_.count("rounds"); ++at_.round, at_.epoch = 0, at_.batch = 0) {
      if (!train_round())
        return stop();
      if (at_.round > 0)
        finish_round();
    }
    progress.finish();
    publish();
    save("last");  // last: a run resumed between the two measures its final curvature again, for the report
    return kDone;
  }

  /// Images at a time with which the run keeps within --memory-limit. Trains the network on noise: of no use after.
  std::int64_t fitting_micro_batch() {
    return apps::fitting_micro_batch(options_.size("memory-limit"), options_.count("batch-size"), whole_step_,
                                     split_step_, {planned_hessian()});
  }

 private:
  nas::FrameSpec data_frame() const {
    const data::ImageShape shape = splits_.train->shape();
    return {.classes = splits_.train->classes(), .image_channels = shape.channels, .image_size = shape.height};
  }

  /// The training images of phase A, or of the rounds: disjoint, so that switches meet images new to the weights.
  std::unique_ptr<data::Loader> part(bool is_warmup) const {
    const std::int64_t size = splits_.train->size();
    const std::int64_t batch = options_.count("batch-size");
    const bool has_warmup = options_.count("warmup-epochs") > 0;
    const auto cut =
        has_warmup ? static_cast<std::int64_t>(options_.real("warmup-fraction") * static_cast<double>(size)) : 0;
    if (is_warmup && !has_warmup)
      return nullptr;
    std::vector<std::int64_t> indices;
    for (std::int64_t i = is_warmup ? 0 : cut; i < (is_warmup ? cut : size); ++i)
      indices.push_back(i);
    if (static_cast<std::int64_t>(indices.size()) < batch)
      throw UsageError(concat(is_warmup ? "warm-up" : "rounds", ": ", indices.size(), " of ", size,
                              " training images do not fill a batch of ", batch,
                              "; lower --batch-size or change --train-size or --warmup-fraction."));
    const data::Transform transform = training_transform(*splits_.train, is_warmup ? options_.count("cutout") : 0);
    return std::make_unique<data::Loader>(
        data::make_subset(splits_.train, std::move(indices)), transform,
        data::LoaderOptions{.batch_size = batch,
                            .drop_last = true,
                            .seed = seed_ + (is_warmup ? 0x5741u : 0x524eu),  // different orders for the two parts
                            .threads = kLoaderThreads});
  }

  std::int64_t epochs_of(std::int64_t round) const {
    return round == 0 ? options_.count("warmup-epochs") : options_.count("epochs");
  }

  std::int64_t total_steps() const {
    const std::int64_t warmup = warmup_ ? warmup_->batches_per_epoch() * options_.count("warmup-epochs") : 0;
    return warmup + rounds_->batches_per_epoch() * options_.count("epochs") * options_.count("rounds");
  }

  /// The epochs of one round, from where it stands. @return false if asked to stop
  bool train_round() {
    data::Loader* loader = at_.round == 0 ? warmup_.get() : rounds_.get();
    if (loader == nullptr)
      return true;
    const std::int64_t epochs = epochs_of(at_.round);
    const std::int64_t first = at_.round == 0 ? 0 : (at_.round - 1) * epochs;  // every round draws new augmentations
    for (; at_.epoch < epochs; ++at_.epoch, at_.batch = 0) {
      loader->start_at(first + at_.epoch, at_.batch);
      nas::Score score;
      double waited = loader->wait_seconds();
      while (const auto batch = loader->next()) {
        const nas::Score one = train_step(to_tensors(*batch, precision_.maps));
        score.add(one);
        ++at_.batch;
        ++at_.step;
        const double wait = loader->wait_seconds() - waited;
        waited = loader->wait_seconds();
        progress_->advance(one.count, wait, detail(one));
        log_step(one);
        if (stop_requested())
          return false;
        if (at_.step % static_cast<std::uint64_t>(options_.count("save-every")) == 0)
          save("last");
      }
      images_ += score.count;
    }
    return true;
  }

  nas::Score train_step(const nas::Batch& batch) {
    const double lr = search_lr_of(options_);
    return at_.round == 0 ? search_.weight_step(batch, lr, at_.step)
                          : search_.joint_step(batch, lr, options_.real("switch-lr"), at_.step);
  }

  std::string detail(const nas::Score& score) const {
    return concat(at_.round == 0 ? std::string("warm-up") : concat("round ", at_.round), ", loss ",
                  format_real(std::round(score.mean_loss() * 1e4) / 1e4));
  }

  void log_step(const nas::Score& score) {
    session_.folder().metrics().append(training_line(
        {{"phase", "search"}, {"round", at_.round}, {"epoch", at_.epoch}, {"step", at_.step}, {"split", "train"}},
        score, search_lr_of(options_), progress_->pace()));
  }

  nas::Batch hessian_batch() const {
    data::Loader loader(splits_.train, evaluation_transform(*splits_.train),
                        {.batch_size = hessian_size(), .seed = seed_ + 0x4845u, .threads = 0});
    loader.start_at(at_.round);
    return to_tensors(*loader.next(), precision_.weights);
  }

  /// Phases C, D and E.
  void finish_round() {
    rounds_->start_at(0);
    for (std::int64_t i = 0; i < options_.count("hessian-refresh"); ++i) {
      if (const auto batch = rounds_->next())
        search_.refresh_statistics(to_tensors(*batch, precision_.maps));
    }
    if (splits_.valid) {
      const nas::Score score = evaluate_dataset(splits_.valid, evaluation_size(), precision_.maps,
                                                [&](const nas::Batch& batch) { return search_.evaluate(batch); });
      valid_accuracy_ = score.accuracy();
      session_.folder().metrics().append({{"phase", "search"},
                                          {"round", at_.round},
                                          {"step", at_.step},
                                          {"split", "valid"},
                                          {"loss", score.mean_loss()},
                                          {"top1", score.accuracy()}});
    }
    const nas::Batch batch = hessian_batch();
    CachingAllocator::instance().drop_cache();  // blocks of a step's sizes would serve smaller requests and count whole
    report_ = search_.measure_curvature(batch);
    session_.log().line(hessian_line(report_));
    if (options_.count("hessian-check") > 0)
      check(batch);
    scale_hessian();
    const int pruned = search_.update_and_prune(static_cast<int>(at_.round));
    session_.log().line(concat("round ", at_.round, ": pruned ", pruned, " switch groups"));
  }

  void scale_hessian() {
    const std::string& text = options_.text("hessian-scale");
    double scale = 1.0;
    const nas::Calibration calibration = nas::calibrate(search_.group_hessians());
    if (text == "auto") {
      scale = calibration.hessian_scale;
    } else {
      const auto value = parse_real(text);
      if (!value || *value <= 0.0)
        throw UsageError(concat("--hessian-scale ", text, ": must be a positive number or auto."));
      scale = *value;
    }
    search_.set_hessian_scale(scale);
    session_.log().line(nas::calibration_text(calibration));
  }

  void check(const nas::Batch& batch) {
    if (search_hessian_bn() == BatchNormMode::kFrozenBatch)
      throw UsageError(
          "--hessian-check: frozen statistics are constants of the unmoved network, so differences of "
          "the moved one say nothing; use --hessian-bn running or batch.");
    if (options_.text("hessian") != "exact")
      throw UsageError("--hessian-check compares exact values; use it with --hessian exact.");
    Initial initial{.dtype = DType::kFloat64};
    nas::Supernet copy(network_.spec(), initial);
    restore(copy.state(), tensors_of(network_.state()));
    copy.apply_pruning(search_.normal());
    copy.apply_pruning(search_.reduce());
    const nas::Batch wide{.images = batch.images.to(DType::kFloat64), .labels = batch.labels};
    const auto build = [&](Tape& tape) {
      return softmax_cross_entropy(copy.forward({.tape = &tape, .batch_norm = search_hessian_bn()}, wide.images),
                                   wide.labels);
    };
    Tape tape;
    const Variable loss = build(tape);
    std::vector<Parameter*> used;
    for (const Node& node : tape.nodes()) {
      if (node.parameter != nullptr && node.parameter->kind == ParameterKind::kSwitch)
        used.push_back(node.parameter);
    }
    const HessianResult exact = hessian_diagonal(loss, used, hessian_options_of(options_));
    const HessianCheck result = check_hessian(build, used, exact.diagonal, options_.count("hessian-check"), seed_);
    session_.log().line(concat("hessian check: ", result.entries, " entries in float64, largest error ",
                               format_real(result.worst), " of the largest entry"));
    check_ = result;
  }

  BatchNormMode search_hessian_bn() const { return batch_norm_mode_of(options_.text("hessian-bn")); }

  void save(const std::string& name) {
    std::map<std::string, Tensor> tensors = tensors_of(network_.state());
    tensors.merge(search_.state());
    checkpoints_->save(name, {to_json(network_.spec()), at_.json(), std::move(tensors)});
  }

  void resume_from(const Checkpoint& last) {
    restore(network_.state(), last.tensors);
    search_.load(last.tensors);
    at_ = Position::from(last.position);
    use_micro_batch(at_.micro_batch);
    session_.log().line(concat("resumed at step ", at_.step));
  }

  int stop() {
    save("last");
    session_.log().line(
        concat("stopped at step ", at_.step, "; continue with --resume ", session_.folder().path().string()));
    return kStopped;
  }

  /// A gradient step longer than the switches' own size makes them jump about zero, where the variances see them large.
  void warn_of_jumps() {
    const nas::PosteriorOptions posterior = bayesnas_options_of(options_).posterior;
    const double lambda = std::max(posterior.lambda_child, posterior.lambda_origin);
    const double jump = options_.real("switch-lr") * lambda / (1.0 - std::min(options_.real("momentum"), 0.999));
    if (!options_.flag("proximal") && jump >= 1.0)
      session_.log().line(concat("warning: the penalty moves a switch by up to switch-lr * lambda / (1 - momentum) = ",
                                 jump, " a step, past zero from their first value 1; use --proximal or lower them"));
  }

  void use_micro_batch(std::int64_t images) {
    at_.micro_batch = images;
    search_.set_micro_batch(images);
  }

  std::int64_t hessian_size() const { return std::min(options_.count("hessian-size"), splits_.train->size()); }
  /// Evaluation keeps within what a step needs; its size must not change on resume, for sums are rounded by it.
  std::int64_t evaluation_size() const {
    return std::min(at_.micro_batch > 0 ? at_.micro_batch : 100, splits_.valid ? splits_.valid->size() : 1);
  }

  nas::Batch noise(std::int64_t images) const { return noise(images, precision_.maps); }
  nas::Batch noise(std::int64_t images, DType dtype) const {
    const data::ImageShape shape = splits_.train->shape();
    return noise_batch(images, shape.channels, shape.height, dtype);
  }

  void rehearse_step(std::int64_t images, std::int64_t micro_batch) {
    search_.set_micro_batch(micro_batch);
    search_.joint_step(noise(images), 1e-6, 1e-6, 0);
  }

  /// In the run gradients stay from the last step.
  void have_gradients() {
    if (!network_.architecture().front()->grad)
      rehearse_step(1, 1);
  }

  void rehearse_evaluation(std::int64_t images) {
    have_gradients();
    search_.evaluate(noise(images));
  }

  /// The Hessian pass as it will be: where memory is limited it takes as many directions at a time as fit, at least
  /// one.
  PlannedPass planned_hessian() {
    const bool is_short =
        options_.is_set("memory-limit") && !fits({&hessian_pass_, hessian_size()}, options_.size("memory-limit"));
    return {is_short ? &narrow_hessian_pass_ : &hessian_pass_, hessian_size()};
  }

  /// @param directions 0: as many as the run will have
  void rehearse_hessian(std::int64_t images, std::int64_t directions) {
    have_gradients();
    HessianOptions hessian = rehearsal_of(hessian_options_of(options_), images, hessian_size());
    hessian.directions = directions;
    search_.set_hessian(hessian);
    search_.measure_curvature(noise(images, precision_.weights));
  }

  int print_plan() {
    const Unlimited unlimited;
    const std::int64_t batch = options_.count("batch-size");
    const bool is_split = at_.micro_batch > 0 && at_.micro_batch < batch;
    const std::int64_t micro_batch = is_split ? at_.micro_batch : batch;
    PassPlan& step = is_split ? split_step_ : whole_step_;
    const std::vector<PlannedPass> passes{{&step, micro_batch}, planned_hessian(), {&evaluation_, evaluation_size()}};
    // A rehearsed split step has two parts.
    const double seconds =
        step.seconds(micro_batch) * (is_split ? static_cast<double>(batch / micro_batch) / 2.0 : 1.0);
    std::cout << "weights             " << format_count(count_elements(network_.parameters(ParameterKind::kWeight)))
              << "\nswitches            " << count_elements(network_.architecture()) << '\n'
              << memory_table(passes);
    if (is_split)
      std::cout << micro_batch_line(batch, micro_batch) << '\n';
    std::cout << time_lines(total_steps(), seconds);
    return kDone;
  }

  void publish() {
    const double seconds = monotonic_seconds() - started_;
    const EvaluationSize size = evaluation_size_of(options_.text("preset"));
    nas::EvaluationSpec spec;
    spec.frame = data_frame();
    spec.frame.channels = size.channels;
    spec.frame.cells = size.cells;
    SearchResult result{.genotype = search_.derive(),
                        .normal = search_.normal(),
                        .reduce = search_.reduce(),
                        .hessian = report_,
                        .check = check_,
                        .seconds = seconds,
                        .images_per_second = static_cast<double>(images_) / seconds,
                        .valid_accuracy = valid_accuracy_};
    spec.frame.style = nas::parse_style(result.genotype.space);
    Initial initial;
    nas::EvaluationNetwork found(result.genotype, spec, initial);
    result.params = count_elements(found.parameters(ParameterKind::kWeight));
    result.macs = nas::count_macs([&](const Context& c, const Variable& x) { return found.forward(c, x).logits; },
                                  spec.frame.image_channels, spec.frame.image_size);
    result.size = size;
    publish_search(session_, result);
  }

  Session& session_;
  const Options& options_;
  Precision precision_;
  std::uint64_t seed_;
  data::Splits splits_;
  Initial initial_;
  nas::Supernet network_;
  nas::BayesNas search_;
  PassPlan whole_step_{"step", [this](std::int64_t images) { rehearse_step(images, images); }};
  PassPlan split_step_{"step", [this](std::int64_t images) {
                         const Tensor rest =
                             noise(std::max<std::int64_t>(1, options_.count("batch-size") - 2 * images)).images;
                         rehearse_step(2 * images, images);
                       }};
  PassPlan hessian_pass_{"Hessian pass", [this](std::int64_t images) { rehearse_hessian(images, 0); }};
  PassPlan narrow_hessian_pass_{"Hessian, D = 1", [this](std::int64_t images) { rehearse_hessian(images, 1); }};
  PassPlan evaluation_{"evaluation", [this](std::int64_t images) { rehearse_evaluation(images); }};
  std::unique_ptr<data::Loader> warmup_;
  std::unique_ptr<data::Loader> rounds_;
  Checkpoints* checkpoints_ = nullptr;
  Progress* progress_ = nullptr;
  Position at_;
  nas::HessianReport report_;
  std::optional<HessianCheck> check_;
  double valid_accuracy_ = 0.0;
  double started_ = 0.0;
  std::int64_t images_ = 0;
};

}  // namespace

int run_search(Session& session) {
  return run_within_limit<SearchRun>(session);
}

void check_search(Session& session) {
  const SearchRun built(session);
}

}  // namespace ockham::apps
