#include "apps/search/search_run.h"

#include <algorithm>
#include <cmath>
#include <iostream>

#include "apps/cli/host.h"
#include "apps/cli/progress.h"
#include "apps/cli/text/format.h"
#include "apps/runs/folder/checkpoints.h"
#include "apps/runs/folder/recorded_facts.h"
#include "apps/runs/inputs/batches.h"
#include "apps/runs/inputs/precision.h"
#include "apps/runs/limited_run.h"
#include "apps/runs/training/training_line.h"
#include "apps/search/search_catalog.h"
#include "apps/search/search_report.h"
#include "apps/search/search_setup.h"
#include "data/augment.h"
#include "nas/saved/saved_network.h"
#include "nas/train/trainer.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

/// Where a search stands: which phase, and how far in it. Round 0 is the warm-up (phase A).
struct SearchPosition {
  std::int64_t round = 0;
  std::int64_t epoch = 0;
  std::int64_t batch = 0;
  std::uint64_t step = 0;
  std::int64_t micro_batch = 0;  ///< images at a time that the run was started with; 0: whole batches

  Json json() const {
    return {{"round", round}, {"epoch", epoch}, {"batch", batch}, {"step", step}, {"micro_batch", micro_batch}};
  }
  static SearchPosition from(const Json& j) {
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
        precision_(precision_of(read_settings<DeviceSettings>(options_))),
        seed_(static_cast<std::uint64_t>(options_.count("seed"))),
        splits_(open_recorded_splits(read_settings<DataSettings>(options_), read_settings<RunSettings>(options_))),
        space_(make_space(options_, data_frame())),
        search_(*space_, bayesnas_options(), images()),
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
                                     split_step_, {{&hessian_pass_, hessian_size()}});
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

  std::size_t phase() const {
    return static_cast<std::size_t>(options_.count("warmup-epochs") > 0 ? at_.round : at_.round - 1);
  }

  nas::Score train_step(const nas::Batch& batch) {
    return search_.step(batch, {},
                        {.phase = phase(),
                         .number = at_.step,
                         .total = static_cast<std::uint64_t>(total_steps()),
                         .lr = search_lr_of(options_)});
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

  nas::BayesNasOptions bayesnas_options() const {
    nas::BayesNasOptions result = bayesnas_options_of(options_);
    result.hessian_images = hessian_size();
    return result;
  }

  nas::ImageSource images() {
    nas::ImageSource source;
    if (splits_.valid)
      source.held_out = [this](const std::function<nas::Score(const nas::Batch&)>& score) {
        return evaluate_dataset(splits_.valid, evaluation_size(), precision_.maps, score);
      };
    source.sample = [this](std::int64_t images, std::int64_t draw) {
      data::Loader loader(splits_.train, evaluation_transform(*splits_.train),
                          {.batch_size = images, .seed = seed_ + 0x4845u, .threads = 0});
      loader.start_at(draw);
      return to_tensors(*loader.next(), precision_.weights);
    };
    source.first_batches = [this](std::size_t, std::int64_t count, const std::function<void(const nas::Batch&)>& take) {
      rounds_->start_at(0);
      for (std::int64_t i = 0; i < count; ++i) {
        if (const auto batch = rounds_->next())
          take(to_tensors(*batch, precision_.maps));
      }
    };
    return source;
  }

  /// Phases C, D and E.
  void finish_round() {
    search_.end_phase(phase(), nas::kNoPause);
    const nas::Round& round = *search_.last_round();
    if (round.held_out.count > 0)
      session_.folder().metrics().append({{"phase", "search"},
                                          {"round", at_.round},
                                          {"step", at_.step},
                                          {"split", "valid"},
                                          {"loss", round.held_out.mean_loss()},
                                          {"top1", round.held_out.accuracy()}});
    session_.log().line(hessian_line(round.hessian));
    if (round.check)
      session_.log().line(concat("hessian check: ", round.check->entries, " entries in float64, largest error ",
                                 format_real(round.check->worst), " of the largest entry"));
    session_.log().line(nas::calibration_text(round.calibration));
    session_.log().line(concat("round ", at_.round, ": pruned ", round.pruned, " switch groups"));
  }

  void save(const std::string& name) {
    checkpoints_->save(name, {to_json(supernet_spec_of(options_, data_frame())), at_.json(), search_.state()});
  }

  void resume_from(const Checkpoint& last) {
    search_.load(last.tensors);
    at_ = SearchPosition::from(last.position);
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

  nas::Batch noise(std::int64_t images) const {
    const data::ImageShape shape = splits_.train->shape();
    return noise_batch(images, shape.channels, shape.height, precision_.maps);
  }

  void rehearse_step(std::int64_t images, std::int64_t micro_batch) {
    search_.set_micro_batch(micro_batch);
    search_.weight_step(noise(images), {.lr = 1e-6});  // a joint one with a large lambda would throw switches far
  }

  /// In the run gradients stay from the last step.
  void have_gradients() {
    if (!network().architecture.front()->grad)
      rehearse_step(1, 1);
  }

  void rehearse_evaluation(std::int64_t images) {
    have_gradients();
    search_.evaluate(noise(images));
  }

  void rehearse_hessian(std::int64_t images) {
    have_gradients();
    search_.rehearse_finish(noise(images));
  }

  const nas::SearchNetwork& network() const { return search_.network().owned.network; }

  int print_plan() {
    const Unlimited unlimited;
    const std::int64_t batch = options_.count("batch-size");
    const bool is_split = at_.micro_batch > 0 && at_.micro_batch < batch;
    const std::int64_t micro_batch = is_split ? at_.micro_batch : batch;
    PassPlan& step = is_split ? split_step_ : whole_step_;
    const std::vector<PlannedPass> passes{
        {&step, micro_batch}, {&hessian_pass_, hessian_size()}, {&evaluation_, evaluation_size()}};
    // A rehearsed split step has two parts.
    const double seconds =
        step.seconds(micro_batch) * (is_split ? static_cast<double>(batch / micro_batch) / 2.0 : 1.0);
    std::cout << "weights             " << format_count(count_elements(network().weights())) << "\nswitches            "
              << count_elements(network().architecture) << '\n'
              << memory_table(passes);
    if (is_split)
      std::cout << micro_batch_line(batch, micro_batch) << '\n';
    std::cout << time_lines(total_steps(), seconds);
    return kDone;
  }

  void publish() {
    const double seconds = monotonic_seconds() - started_;
    const std::string cell = search_.derive();
    publish_search(session_, {.genotype = nas::load_genotype(cell),
                              .posterior = search_.posterior(),
                              .pictures = search_.pictures(),
                              .round = search_.last_round() != nullptr ? *search_.last_round() : nas::Round{},
                              .seconds = seconds,
                              .images_per_second = static_cast<double>(images_) / seconds,
                              .facts = space_->facts(cell),
                              .size = evaluation_size_of(options_.text("preset"))});
  }

  Session& session_;
  const Options& options_;
  Precision precision_;
  std::uint64_t seed_;
  data::Splits splits_;
  std::unique_ptr<nas::SearchSpace> space_;
  nas::BayesNas search_;
  PassPlan whole_step_{"step", [this](std::int64_t images) { rehearse_step(images, images); }};
  PassPlan split_step_{"step", [this](std::int64_t images) {
                         const Tensor rest =
                             noise(std::max<std::int64_t>(1, options_.count("batch-size") - 2 * images)).images;
                         rehearse_step(2 * images, images);
                       }};
  PassPlan hessian_pass_{"Hessian pass", [this](std::int64_t images) { rehearse_hessian(images); }};
  PassPlan evaluation_{"evaluation", [this](std::int64_t images) { rehearse_evaluation(images); }};
  std::unique_ptr<data::Loader> warmup_;
  std::unique_ptr<data::Loader> rounds_;
  Checkpoints* checkpoints_ = nullptr;
  Progress* progress_ = nullptr;
  SearchPosition at_;
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
