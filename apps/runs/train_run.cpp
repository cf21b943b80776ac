#include "apps/runs/train_run.h"

#include <cmath>
#include <iostream>

#include "apps/cli/format.h"
#include "apps/cli/host.h"
#include "apps/cli/progress.h"
#include "apps/runs/batches.h"
#include "apps/runs/checkpoints.h"
#include "apps/runs/common_options.h"
#include "apps/runs/limited_run.h"
#include "apps/runs/networks.h"
#include "apps/runs/precision.h"
#include "apps/runs/profile_report.h"
#include "apps/runs/recorded_facts.h"
#include "apps/runs/training_line.h"
#include "autograd/optim/schedule.h"
#include "engine/allocator.h"
#include "engine/atomic_file.h"
#include "nas/cost.h"
#include "nas/train/trainer.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

nas::Genotype genotype_option(const Options& options) {
  if (!options.is_set("genotype"))
    throw UsageError(
        "--genotype is missing: name a genotype.json that a search wrote, or a published cell such as "
        "bayesnas_0.01 or DARTS_V2.");
  return nas::load_genotype(options.text("genotype"));
}

nas::EvaluationSpec spec_of(const Options& options, const nas::Genotype& genotype, const data::Dataset& dataset) {
  nas::EvaluationSpec spec;
  spec.frame.style = nas::parse_style(genotype.space);
  spec.frame.stem = options.text("stem") == "cifar" ? nas::Stem::kCifar : nas::Stem::kImageNet;
  spec.frame.channels = options.count("channels");
  spec.frame.cells = options.count("cells");
  spec.frame.classes = dataset.classes();
  spec.frame.image_channels = dataset.shape().channels;
  spec.frame.image_size = dataset.shape().height;
  spec.frame.reduction = options.text("reduction") == "strided" ? nas::Reduction::kStrided : nas::Reduction::kShifted;
  spec.has_auxiliary_head = options.flag("auxiliary");
  return spec;
}

nas::TrainerOptions trainer_options(const Options& options) {
  return {.sgd = {.momentum = options.real("momentum"),
                  .weight_decay = options.real("weight-decay"),
                  .nesterov = options.flag("nesterov")},
          .clip = options.real("grad-clip"),
          .auxiliary_weight = options.real("auxiliary-weight"),
          .label_smoothing = options.real("label-smoothing"),
          .seed = static_cast<std::uint64_t>(options.count("seed"))};
}

Schedule schedule_of(const Options& options) {
  const std::string& name = options.text("schedule");
  return {.kind = name == "cosine"        ? Schedule::Kind::kCosine
                  : name == "exponential" ? Schedule::Kind::kExponential
                  : name == "step"        ? Schedule::Kind::kStep
                                          : Schedule::Kind::kConstant,
          .initial = options.real("lr"),
          .final = options.real("lr-min"),
          .factor = options.real("lr-factor"),
          .every = options.count("lr-every"),
          .epochs = options.count("epochs"),
          .warmup_epochs = options.count("warmup-epochs")};
}

class TrainRun {
 public:
  /// @param micro_batch images at a time that the memory limit allows; 0: there is no limit
  explicit TrainRun(Session& session, std::int64_t micro_batch = 0)
      : session_(session),
        options_(session.options()),
        precision_(precision_of(options_)),
        genotype_(genotype_option(options_)),
        splits_(open_recorded_splits(options_)),
        spec_(spec_of(options_, genotype_, *splits_.train)),
        initial_{.seed = static_cast<std::uint64_t>(options_.count("seed")), .dtype = precision_.weights},
        network_(genotype_, spec_, initial_),
        trainer_(network_, trainer_options(options_)),
        schedule_(schedule_of(options_)),
        loader_(splits_.train, training_transform(*splits_.train, options_.count("cutout")),
                {.batch_size = batch_size(), .drop_last = true, .seed = initial_.seed, .threads = kLoaderThreads}) {
    use_micro_batch(micro_batch);
  }

  int run() {
    if (options_.flag("dry-run"))
      return print_plan();
    RunFolder& folder = session_.folder();
    Checkpoints checkpoints(folder);
    checkpoints_ = &checkpoints;
    const double start = monotonic_seconds();
    if (const auto last = checkpoints.resume()) {
      read_from(*last, [&] { resume_from(*last); });
      if (epoch_ >= options_.count("epochs") && repeat_results(session_))
        return kDone;
    } else {
      begin();
    }
    if (is_split())
      session_.log().line(micro_batch_line(batch_size(), micro_batch_));
    Progress progress(session_.log(), "train", total_steps(), static_cast<std::int64_t>(step_));
    progress_ = &progress;
    for (; epoch_ < options_.count("epochs"); ++epoch_, batch_ = 0) {
      if (!train_epoch())
        return stop();
      finish_epoch();
    }
    progress.finish();
    save("last");
    publish(monotonic_seconds() - start);
    return kDone;
  }

  /// Images at a time with which the run keeps within --memory-limit. Trains the network on noise: of no use after.
  std::int64_t fitting_micro_batch() {
    return apps::fitting_micro_batch(options_.size("memory-limit"), batch_size(), whole_step_, split_step_, {});
  }

 private:
  std::int64_t batch_size() const {
    const std::int64_t batch = options_.count("batch-size");
    if (batch > splits_.train->size())
      throw UsageError(concat("--batch-size ", batch, ": there are only ", splits_.train->size(),
                              " training images; lower it, or raise --train-size."));
    return batch;
  }

  std::int64_t total_steps() const { return loader_.batches_per_epoch() * options_.count("epochs"); }

  void begin() {
    RunFolder& folder = session_.folder();
    folder.describe("data", data_facts(splits_));
    write_file_atomically(folder.file("genotype.json"), nas::to_json(genotype_));
  }

  bool train_epoch() {
    const double lr = schedule_.at(epoch_);
    network_.set_drop_probability(options_.real("drop-path-prob") * static_cast<double>(epoch_) /
                                  static_cast<double>(options_.count("epochs")));
    loader_.start_at(epoch_, batch_);
    double waited = loader_.wait_seconds();
    while (const auto batch = loader_.next()) {
      const nas::Score one = trainer_.step(to_tensors(*batch, precision_.maps), lr, step_);
      running_.add(one);
      images_ += one.count;
      ++batch_;
      ++step_;
      progress_->advance(one.count, loader_.wait_seconds() - waited,
                         concat("epoch ", epoch_ + 1, "/", options_.count("epochs"), ", loss ",
                                std::round(one.mean_loss() * 1e4) / 1e4));
      waited = loader_.wait_seconds();
      if (stop_requested())
        return false;
      if (step_ % static_cast<std::uint64_t>(options_.count("save-every")) == 0)
        save("last");
    }
    return true;
  }

  nas::Score evaluate(const data::DatasetPtr& dataset) {
    return evaluate_dataset(dataset, evaluation_size(), precision_.maps,
                            [&](const nas::Batch& b) { return trainer_.evaluate(b); });
  }

  void finish_epoch() {
    train_loss_ = running_.mean_loss();
    log("train", running_);
    std::string line = concat("epoch ", epoch_ + 1, ": train loss ", std::round(train_loss_ * 1e4) / 1e4,
                              ", train accuracy ", std::round(running_.accuracy() * 1e4) / 1e2, " %");
    running_ = {};
    bool is_best = false;
    if (splits_.valid) {
      const nas::Score score = evaluate(splits_.valid);
      valid_accuracy_ = score.accuracy();
      is_best = valid_accuracy_ > best_;
      best_ = std::max(best_, valid_accuracy_);
      log("valid", score);
      line += concat(", validation accuracy ", std::round(valid_accuracy_ * 1e4) / 1e2, " %");
    }
    session_.log().line(line);
    if (is_best)
      save("best");  // before "last": a run resumed between the two finds the same best again
    if (epoch_ + 1 < options_.count("epochs")) {  // at the end run() saves the final state
      ++epoch_, batch_ = 0;
      save("last");
      --epoch_;
    }
  }

  void log(const char* split, const nas::Score& score) {
    session_.folder().metrics().append(
        training_line({{"phase", "train"}, {"epoch", epoch_}, {"step", step_}, {"split", split}}, score,
                      schedule_.at(epoch_), progress_->pace()));
  }

  void save(const std::string& name) {
    std::map<std::string, Tensor> tensors = tensors_of(network_.state());
    for (const auto& [key, tensor] : trainer_.optimizer().state())
      tensors.emplace("optim.w." + key, tensor);
    // The epoch's sums so far: a resumed epoch must report what an uninterrupted one does.
    tensors.emplace(
        "train.running",
        Tensor::from<double>({running_.loss, static_cast<double>(running_.top1), static_cast<double>(running_.top5),
                              static_cast<double>(running_.count), train_loss_, valid_accuracy_, best_},
                             {7}));
    const Json position{{"epoch", epoch_}, {"batch", batch_}, {"step", step_}, {"micro_batch", micro_batch_}};
    checkpoints_->save(name, {to_json(spec_, genotype_), position, std::move(tensors)});
  }

  void resume_from(const Checkpoint& last) {
    restore(network_.state(), last.tensors);
    std::map<std::string, Tensor> momentum;
    for (const auto& [name, tensor] : last.tensors) {
      if (name.starts_with("optim.w."))
        momentum.emplace(name.substr(8), tensor);
    }
    trainer_.optimizer().load(momentum);
    const auto it = last.tensors.find("train.running");
    if (it == last.tensors.end() || it->second.spec() != Spec{{7}, DType::kFloat64})
      throw CheckpointError("checkpoint: it lacks train.running float64[7]; it is not one of ockham-train.");
    const double* r = it->second.data<double>();
    running_ = {r[0], static_cast<std::int64_t>(r[1]), static_cast<std::int64_t>(r[2]),
                static_cast<std::int64_t>(r[3])};
    train_loss_ = r[4];
    valid_accuracy_ = r[5];
    best_ = r[6];
    epoch_ = count_of(last.position, "epoch");
    batch_ = count_of(last.position, "batch");
    step_ = static_cast<std::uint64_t>(count_of(last.position, "step"));
    use_micro_batch(count_of(last.position, "micro_batch"));
    session_.log().line(concat("resumed at step ", step_));
  }

  int stop() {
    save("last");
    session_.log().line(concat("stopped at step ", step_));
    return kStopped;
  }

  std::int64_t params() { return count_elements(network_.parameters(ParameterKind::kWeight)); }
  std::int64_t macs() {
    return nas::count_macs([&](const Context& c, const Variable& x) { return network_.forward(c, x).logits; },
                           spec_.frame.image_channels, spec_.frame.image_size);
  }

  void use_micro_batch(std::int64_t images) {
    micro_batch_ = images;
    trainer_.set_micro_batch(images);
  }
  bool is_split() const { return micro_batch_ > 0 && micro_batch_ < batch_size(); }

  /// Evaluation keeps within what a step needs; its size must not change on resume, for sums are rounded by it.
  std::int64_t evaluation_size() const {
    return std::min(micro_batch_ > 0 ? micro_batch_ : 100,
                    std::max(splits_.test->size(), splits_.valid ? splits_.valid->size() : 0));
  }

  nas::Batch noise(std::int64_t images) const {
    return noise_batch(images, spec_.frame.image_channels, spec_.frame.image_size, precision_.maps);
  }

  void rehearse_step(std::int64_t images, std::int64_t micro_batch) {
    trainer_.set_micro_batch(micro_batch);
    trainer_.step(noise(images), 1e-6, 0);
  }

  void rehearse_evaluation(std::int64_t images) {
    if (!network_.parameters(ParameterKind::kWeight).front()->grad)  // in the run gradients stay from the last step
      rehearse_step(1, 1);
    trainer_.evaluate(noise(images));
  }

  int print_plan() {
    const Unlimited unlimited;
    const std::int64_t micro_batch = is_split() ? micro_batch_ : batch_size();
    PassPlan& step = is_split() ? split_step_ : whole_step_;
    // A rehearsed split step has two parts.
    const double seconds =
        step.seconds(micro_batch) * (is_split() ? static_cast<double>(batch_size() / micro_batch) / 2.0 : 1.0);
    std::cout << "parameters          " << format_count(params()) << "\nmacs                " << format_count(macs())
              << " an image\n"
              << memory_table({{&step, micro_batch}, {&evaluation_, evaluation_size()}});
    if (is_split())
      std::cout << micro_batch_line(batch_size(), micro_batch) << '\n';
    std::cout << time_lines(total_steps(), seconds);
    return kDone;
  }

  void publish(double seconds) {
    const nas::Score test = evaluate(splits_.test);
    const std::int64_t parameters = params();
    const std::int64_t multiplies = macs();
    std::cout << "test accuracy " << std::round(test.accuracy() * 1e4) / 1e2 << " %, loss "
              << std::round(test.mean_loss() * 1e4) / 1e4 << ", " << format_count(parameters) << " parameters, "
              << format_count(multiplies) << " multiply-accumulates an image, " << format_duration(seconds)
              << "\ncheckpoint " << (session_.folder().path() / "checkpoints/last.safetensors").string() << "\n";
    Json summary{{"genotype", Json::parse(nas::to_json(genotype_))},
                 {"dataset", options_.text("dataset")},
                 {"seed", options_.count("seed")},
                 {"params", parameters},
                 {"macs", multiplies},
                 {"train_loss", train_loss_},
                 {"valid_accuracy", splits_.valid ? Json(valid_accuracy_) : Json(nullptr)},
                 {"test_accuracy", test.accuracy()},
                 {"test_loss", test.mean_loss()},
                 {"epochs", options_.count("epochs")},
                 {"seconds", seconds},
                 {"images_per_second", static_cast<double>(images_) / seconds},
                 {"peak_bytes", CachingAllocator::instance().statistics().peak_bytes}};
    session_.publish(summary);
  }

  Session& session_;
  const Options& options_;
  Precision precision_;
  nas::Genotype genotype_;
  data::Splits splits_;
  nas::EvaluationSpec spec_;
  Initial initial_;
  nas::EvaluationNetwork network_;
  nas::Trainer trainer_;
  PassPlan whole_step_{"step", [this](std::int64_t images) { rehearse_step(images, images); }};
  PassPlan split_step_{"step", [this](std::int64_t images) {
                         const Tensor rest = noise(std::max<std::int64_t>(1, batch_size() - 2 * images)).images;
                         rehearse_step(2 * images, images);
                       }};
  PassPlan evaluation_{"evaluation", [this](std::int64_t images) { rehearse_evaluation(images); }};
  std::int64_t micro_batch_ = 0;  ///< images at a time; 0: whole batches
  Schedule schedule_;
  data::Loader loader_;
  Checkpoints* checkpoints_ = nullptr;
  Progress* progress_ = nullptr;
  std::int64_t epoch_ = 0;
  std::int64_t batch_ = 0;
  std::uint64_t step_ = 0;
  nas::Score running_;
  double train_loss_ = 0.0;
  double valid_accuracy_ = 0.0;
  double best_ = -1.0;
  std::int64_t images_ = 0;
};

}  // namespace

void declare_train(OptionTable& table) {
  add_compute_options(table);
  add_profile_option(table);
  add_data_options(table);
  add_training_options(table);
  table.at("epochs").fallback = "600";
  table.at("batch-size").fallback = "96";
  table.at("channels").fallback = "36";
  table.at("cells").fallback = "20";
  table.group("Network");
  table.text("genotype", "", "the cells: a file, the name of a published genotype, or its text", "FILE|NAME|TEXT");
  table.alias("arch", "genotype");
  table.flag("auxiliary", "train with a second classifier after two thirds of the cells");
  table.choice("stem", {"cifar", "imagenet"}, "cifar", "first layers: one 3x3 convolution, or three strided ones");
  table.choice("reduction", {"strided", "shifted"}, "strided", "how pre-processors of bayesnas networks halve a map");
  table.group("Recipe");
  table.choice("schedule", {"cosine", "exponential", "step", "constant"}, "cosine", "learning rate over the epochs");
  table.real("lr-min", 0, "learning rate that the cosine ends at");
  table.real("lr-factor", 0.97, "factor of the exponential (per epoch) or step schedule", kFraction);
  table.count("lr-every", 30, "epochs between the steps of the step schedule", {.min = 1});
  table.count("warmup-epochs", 0, "epochs of linear warm-up");
  table.real("momentum", 0.9, "momentum", kFraction);
  table.flag("nesterov", "Nesterov's form of the momentum");
  table.real("weight-decay", 3e-4, "weight decay");
  table.real("grad-clip", 5, "largest norm of the gradient; 0 for no limit");
  table.real("auxiliary-weight", 0.4, "weight of the second classifier's loss");
  table.real("label-smoothing", 0, "label smoothing", kFraction);
  table.count("cutout", 16, "side of the square cut out of training images; 0 for none", {.max = 1024});
  table.alias("cutout-length", "cutout");
  table.real("drop-path-prob", 0.2,
             "drop path (darts) or channel dropout (bayesnas) at the last epoch, growing linearly from 0", kFraction);
  add_run_options(table);
  table.count("save-every", 200, "steps between checkpoints; every epoch ends with one", {.min = 1, .max = 1000000});
  table.preset("quick", {{"dataset", "shapes"},
                         {"train-size", "4000"},
                         {"test-size", "1000"},
                         {"channels", "8"},
                         {"cells", "5"},
                         {"epochs", "6"},
                         {"batch-size", "64"},
                         {"drop-path-prob", "0"},
                         {"cutout", "8"}});
  table.preset("small", {{"dataset", "cifar10"},
                         {"channels", "12"},
                         {"cells", "5"},
                         {"epochs", "8"},
                         {"batch-size", "64"},
                         {"drop-path-prob", "0"},
                         {"lr", "0.05"}});
  table.preset("paper",
               {{"dataset", "cifar10"}, {"channels", "36"}, {"cells", "20"}, {"epochs", "600"}, {"batch-size", "128"}});
}

int run_train(Session& session) {
  return run_within_limit<TrainRun>(session);
}

}  // namespace ockham::apps
