#include "apps/pgnas/pgnas_run.h"

#include <algorithm>
#include <cmath>
#include <iostream>

#include "apps/cli/format.h"
#include "apps/cli/host.h"
#include "apps/cli/json_text.h"
#include "apps/cli/progress.h"
#include "apps/pgnas/candidate_groups.h"
#include "apps/runs/batches.h"
#include "apps/runs/checkpoints.h"
#include "apps/runs/common_options.h"
#include "apps/runs/hessian_options.h"
#include "apps/runs/limited_run.h"
#include "apps/runs/precision.h"
#include "apps/runs/profile_report.h"
#include "apps/runs/recorded_facts.h"
#include "apps/runs/training_line.h"
#include "autograd/optim/schedule.h"
#include "engine/allocator.h"
#include "engine/atomic_file.h"
#include "nas/methods/weight_training.h"
#include "nas/spaces/hybrid/hybrid_network.h"
#include "nas/train/micro_batches.h"
#include "nas/train/trainer.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

/// Where a run stands: the network of learned gates is number 0, the baseline 1.
struct Position {
  std::int64_t network = 0;
  std::int64_t epoch = 0;
  std::int64_t batch = 0;
  std::int64_t micro_batch = 0;  ///< images at a time that the run was started with; 0: whole batches

  Json json() const { return {{"network", network}, {"epoch", epoch}, {"batch", batch}, {"micro_batch", micro_batch}}; }
  static Position from(const Json& j) {
    return {count_of(j, "network"), count_of(j, "epoch"), count_of(j, "batch"), count_of(j, "micro_batch")};
  }
};

data::Splits open_checked_splits(const Options& options) {
  if (options.count("valid-size") == 0)
    throw UsageError(
        "--valid-size 0: candidates are ranked on validation images; set some training images apart, such as "
        "--valid-size 1000.");
  if (options.flag("baseline") && options.flag("fixed"))
    throw UsageError("--baseline --fixed: the network of --fixed is the baseline already; leave out one of them.");
  data::Splits splits = open_recorded_splits(options);
  const data::ImageShape shape = splits.train->shape();
  if (shape.height % 4 != 0 || shape.width % 4 != 0)
    throw UsageError(concat("images of ", shape.height, "x", shape.width,
                            ": the network halves its maps twice, so that both sides must be divisible by 4; use "
                            "--image-size."));
  if (options.count("batch-size") > splits.train->size())
    throw UsageError(concat("--batch-size ", options.count("batch-size"), ": there are only ", splits.train->size(),
                            " training images; lower it, or raise --train-size."));
  return splits;
}

nas::HybridSpec spec_of(const Options& options, const data::Dataset& dataset, double drop) {
  return {.stem = options.count("stem"),
          .width = options.count("width"),
          .blocks_per_stage = options.count("blocks"),
          .branches = options.count("branches"),
          .classes = dataset.classes(),
          .image_channels = dataset.shape().channels,
          .gates = {.drop = drop, .temperature = options.real("temperature")}};
}

nas::PgnasOptions pgnas_options(const Options& options, bool learns, double drop) {
  const nas::DropoutPrior prior{.precision = options.real("prior-length"),
                                .examples = options.real("dropout-examples"),
                                .kl_half = options.flag("kl-half")};
  // To gated kernels the divergence's gradient is that of this weight decay; here, as published, it acts on all
  // weights.
  const double alike = (prior.kl_half ? 1.0 : 2.0) * prior.precision / prior.examples * (1.0 - drop);
  const double decay = options.is_set("weight-decay") ? options.real("weight-decay") : alike;
  return {.sgd = {.momentum = options.real("momentum"), .weight_decay = learns ? 0.0 : decay, .nesterov = true},
          .prior = prior,
          .learns = learns,
          .logit_rate = options.real("logit-rate"),
          .clip = options.real("grad-clip"),
          .seed = static_cast<std::uint64_t>(options.count("seed"))};
}

/// A network and what trains it.
struct Trained {
  Trained(const Options& options, const data::Dataset& dataset, bool learns, double drop)
      : initial{.seed = static_cast<std::uint64_t>(options.count("seed")), .dtype = precision_of(options).weights},
        network(spec_of(options, dataset, drop), initial),
        search(nas::gated(network), pgnas_options(options, learns, drop)) {}

  const nas::GatedNetwork& gated() const { return search.network(); }
  void add_to(std::map<std::string, Tensor>& state, const std::string& prefix) {
    nas::add_network(prefix, network, state);
    nas::add_state(prefix + "optim.", search.state(), state);
  }
  void load(const std::map<std::string, Tensor>& state, const std::string& prefix) {
    nas::load_network(prefix, network, state);
    search.load(nas::part_of_state(prefix + "optim.", state));
  }

  Initial initial;
  nas::HybridNetwork network;
  nas::Pgnas search;
};

class PgnasRun {
 public:
  /// @param micro_batch images at a time that the memory limit allows; 0: there is no limit
  explicit PgnasRun(Session& session, std::int64_t micro_batch = 0)
      : session_(session),
        options_(session.options()),
        precision_(precision_of(options_)),
        splits_(open_checked_splits(options_)),
        valid_(whole(splits_.valid)),
        learned_(options_, *splits_.train, !options_.flag("fixed"), options_.real("initial-drop")),
        loader_(splits_.train, training_transform(*splits_.train, options_.count("cutout")),
                {.batch_size = batch_size(), .drop_last = true, .seed = seed(), .threads = kLoaderThreads}) {
    use_micro_batch(micro_batch);
  }

  int run() {
    if (options_.flag("dry-run"))
      return print_plan();
    Checkpoints checkpoints(session_.folder());
    checkpoints_ = &checkpoints;
    started_ = monotonic_seconds();
    if (const auto last = checkpoints.resume()) {
      read_from(*last, [&] { resume_from(*last); });
      if (at_.network >= networks() && repeat_results(session_))
        return kDone;
    } else {
      session_.folder().describe("data", data_facts(splits_));
    }
    if (is_split())
      session_.log().line(micro_batch_line(batch_size(), at_.micro_batch));
    return train_all() && rank_all() ? kDone : stop();
  }

  /// Images at a time with which the run keeps within --memory-limit. Trains the network on noise: of no use after.
  std::int64_t fitting_micro_batch() {
    hold_all_networks();
    return apps::fitting_micro_batch(options_.size("memory-limit"), batch_size(), whole_step_, split_step_, {});
  }

 private:
  std::uint64_t seed() const { return static_cast<std::uint64_t>(options_.count("seed")); }
  std::int64_t batch_size() const { return options_.count("batch-size"); }
  std::int64_t networks() const { return options_.flag("baseline") ? 2 : 1; }
  std::int64_t steps_of_network() const { return loader_.batches_per_epoch() * options_.count("epochs"); }
  std::int64_t step() const { return at_.epoch * loader_.batches_per_epoch() + at_.batch; }
  Trained& trained() { return at_.network == 0 ? learned_ : *baseline_; }

  /// A cosine over all steps of a network.
  double lr() const {
    const double first = options_.real("lr");
    return Schedule{.kind = Schedule::Kind::kCosine,
                    .initial = first,
                    .final = std::min(first, options_.real("final-lr")),
                    .epochs = steps_of_network()}
        .at(step());
  }

  /// The baseline drops at the rate of the random candidates, which the learned gates give when they are trained.
  void make_baseline() {
    const double drop = std::clamp(equal_size_drop(learned_.gated()), 1e-6, 1.0 - 1e-6);
    baseline_ = std::make_unique<Trained>(options_, *splits_.train, false, drop);
    baseline_->search.set_micro_batch(at_.micro_batch);
    for (Parameter* parameter : learned_.network.state())
      parameter->grad = {};  // its training is over
  }

  /// @return false if asked to stop
  bool train_all() {
    Progress progress(session_.log(), "train", networks() * steps_of_network(),
                      at_.network * steps_of_network() + step());
    progress_ = &progress;
    for (; at_.network < networks(); ++at_.network, at_.epoch = 0) {
      if (at_.network == 1 && !baseline_)
        make_baseline();
      while (at_.epoch < options_.count("epochs")) {
        if (!train_epoch())
          return false;
        finish_epoch();
        ++at_.epoch, at_.batch = 0;
        save();
      }
    }
    progress.finish();
    save();
    return true;
  }

  /// @return false if asked to stop
  bool train_epoch() {
    loader_.start_at(at_.epoch, at_.batch);
    double waited = loader_.wait_seconds();
    while (const auto batch = loader_.next()) {
      const double rate = lr();
      const nas::Score score =
          trained().search.step(to_tensors(*batch, precision_.maps), rate, static_cast<std::uint64_t>(step()));
      ++at_.batch;
      const double wait = loader_.wait_seconds() - waited;
      waited += wait;
      progress_->advance(score.count, wait,
                         concat(name(), " gates, epoch ", at_.epoch + 1, ", loss ",
                                format_real(std::round(score.mean_loss() * 1e4) / 1e4)));
      log_step(score, rate);
      if (stop_requested())
        return false;
      if (step() % options_.count("save-every") == 0)
        save();
    }
    return true;
  }

  const char* name() const { return at_.network == 0 && !options_.flag("fixed") ? "learned" : "fixed"; }

  void log_step(const nas::Score& score, double rate) {
    session_.folder().metrics().append(
        training_line({{"phase", name()}, {"epoch", at_.epoch}, {"step", step()}, {"split", "train"}}, score, rate,
                      progress_->pace()));
  }

  /// Scores the network of all gates on the validation images.
  void finish_epoch() {
    const nas::Score score = nas::evaluate_candidate(trained().gated(), valid_batches(), batch_norm());
    const double drop = equal_size_drop(trained().gated());
    session_.folder().metrics().append({{"phase", name()},
                                        {"epoch", at_.epoch},
                                        {"step", step()},
                                        {"split", "valid"},
                                        {"loss", score.mean_loss()},
                                        {"top1", score.accuracy()},
                                        {"stage_drop", stage_drops(trained())},
                                        {"divergence", trained().search.divergence()},
                                        {"expected_params", nas::expected_parameters(trained().gated())}});
    session_.log().line(concat(name(), " gates, epoch ", at_.epoch + 1, ": validation accuracy of the whole network ",
                               format_real(std::round(score.accuracy() * 1e4) / 1e2), " %, mean drop ",
                               format_real(std::round(drop * 1e3) / 1e3)));
  }

  BatchNormMode batch_norm() const { return batch_norm_mode_of(options_.text("candidate-bn")); }

  /// All images at once, to be scored many times.
  nas::Batch whole(const data::DatasetPtr& dataset) const {
    nas::Batch result;
    evaluate_dataset(dataset, dataset->size(), precision_.maps, [&](const nas::Batch& batch) {
      result = batch;
      return nas::Score{};
    });
    return result;
  }

  std::vector<nas::Batch> valid_batches() const {
    std::vector<nas::Batch> batches;
    const std::int64_t all = splits_.valid->size();
    for (std::int64_t begin = 0; begin < all; begin += evaluation_size())
      batches.push_back(nas::part_of(valid_, begin, std::min(all, begin + evaluation_size())));
    return batches;
  }

  /// Mean p of each stage's gates.
  std::vector<double> stage_drops(Trained& trained) const {
    constexpr std::size_t kStages = 3;
    const auto of_stage = static_cast<std::size_t>(options_.count("blocks"));
    std::vector<double> sums(kStages), gates(kStages);
    for (const nas::GatedGroup& group : trained.network.groups()) {
      const std::string number = group.logit->name.substr(std::string("blocks.").size());  // "blocks.3.branches..."
      const std::size_t stage = std::stoul(number) / of_stage;
      sums.at(stage) += group.drop_probability() * static_cast<double>(group.gates());
      gates.at(stage) += static_cast<double>(group.gates());
    }
    for (std::size_t s = 0; s < kStages; ++s)
      sums[s] = gates[s] > 0.0 ? sums[s] / gates[s] : 0.0;
    return sums;
  }

  /// Draws a group from a trained network and ranks it. @throws Interrupted
  CandidateGroup rank(Trained& from, const std::string& name, const nas::Drawing& drawing) {
    const nas::GatedNetwork& network = from.gated();
    const auto count = static_cast<std::uint64_t>(options_.count("draws"));
    Progress progress(session_.log(), concat("rank ", name), options_.count("draws"));
    std::vector<std::int64_t> parameters;
    const auto put = [&](std::uint64_t number) {
      check_stop();
      if (number > 0)
        progress.advance(splits_.valid->size(), 0.0);
      nas::put_candidate(network.groups, drawing, number);
      parameters.push_back(nas::kept_parameters(network));
    };
    const std::vector<nas::Ranked> ranked =
        nas::rank_candidates(network, valid_batches(), count, put, {.batch_norm = batch_norm()});
    CandidateGroup group{.name = name, .drawing = drawing, .candidates = {}};
    for (const nas::Ranked& r : ranked)
      group.candidates.push_back(
          {r.number, r.score.accuracy(), r.score.mean_loss(), parameters.at(static_cast<std::size_t>(r.number))});
    group.expected_parameters = expected_parameters(network, drawing);
    nas::put_candidate(network.groups, drawing, group.candidates.front().number);
    group.test_accuracy = test(from);
    nas::keep_all(network.groups);
    return group;
  }

  /// Test accuracy of the candidate in place.
  double test(Trained& from) {
    return evaluate_dataset(
               splits_.test, evaluation_size(), precision_.maps,
               [&](const nas::Batch& batch) { return nas::evaluate(from.gated().forward, batch, batch_norm()); })
        .accuracy();
  }

  /// @return false if asked to stop
  bool rank_all() {
    const double drop = equal_size_drop(learned_.gated());
    std::vector<CandidateGroup> groups;
    try {  // each group draws numbers of its own
      groups.push_back(rank(learned_, "guided", {.seed = seed()}));
      groups.push_back(rank(learned_, "random", {.seed = seed() + 0x52414eu, .drop_rate = drop}));
      if (baseline_)
        groups.push_back(rank(*baseline_, "baseline", {.seed = seed() + 0x424153u, .drop_rate = drop}));
    } catch (const Interrupted&) {
      return false;
    }
    publish(groups, drop);
    return true;
  }

  Json whole_json(Trained& from) {
    const nas::Score valid = nas::evaluate_candidate(from.gated(), valid_batches(), batch_norm());
    return {{"params", count_elements(from.network.parameters(ParameterKind::kWeight))},
            {"valid_accuracy", valid.accuracy()},
            {"test_accuracy", test(from)}};
  }

  /// Every group of gates with its p, in the order of the network.
  void write_posterior() {
    nas::PosteriorTable table;
    for (const nas::GatedGroup& group : learned_.network.groups()) {
      table.rows.push_back({group.kernels.front()->name, "kept"});
      table.columns["gates"].push_back(static_cast<double>(group.gates()));
      table.columns["drop"].push_back(group.drop_probability());
    }
    write_file_atomically(session_.folder().file("posterior.json"), nas::posterior_json(table, "pgnas", "hybrid"));
  }

  void publish(const std::vector<CandidateGroup>& groups, double drop) {
    write_posterior();
    tell_groups(session_.folder(), groups);
    Json summary{{"dataset", options_.text("dataset")},
                 {"seed", options_.count("seed")},
                 {"network", whole_json(learned_)},
                 {"baseline_network", baseline_ ? whole_json(*baseline_) : Json(nullptr)},
                 {"stage_drop", stage_drops(learned_)},
                 {"equal_size_drop", drop},
                 {"groups", groups_json(groups)},
                 {"seconds", monotonic_seconds() - started_},
                 {"peak_bytes", CachingAllocator::instance().statistics().peak_bytes}};
    std::cout << "whole network: " << format_count(summary["network"]["params"].get<std::int64_t>())
              << " parameters, test "
              << format_real(std::round(summary["network"]["test_accuracy"].get<double>() * 1e4) / 1e2)
              << " %; mean drop " << format_real(std::round(drop * 1e4) / 1e4) << "\ntime "
              << format_duration(summary["seconds"].get<double>()) << ", results in "
              << session_.folder().path().string() << '\n';
    session_.publish(summary);
  }

  Json network_json() const {
    return {{"kind", "hybrid"},
            {"stem", options_.count("stem")},
            {"width", options_.count("width")},
            {"blocks", options_.count("blocks")},
            {"branches", options_.count("branches")},
            {"classes", splits_.train->classes()},
            {"image_channels", splits_.train->shape().channels}};
  }

  void save() {
    std::map<std::string, Tensor> tensors;
    learned_.add_to(tensors, "");
    if (baseline_)
      baseline_->add_to(tensors, "baseline.");
    checkpoints_->save("last", {network_json(), at_.json(), std::move(tensors)});
  }

  void resume_from(const Checkpoint& last) {
    at_ = Position::from(last.position);
    use_micro_batch(at_.micro_batch);
    learned_.load(last.tensors, "");
    if (!nas::part_of_state("baseline.", last.tensors).empty()) {
      make_baseline();
      baseline_->load(last.tensors, "baseline.");
    }
    session_.log().line(concat("resumed at network ", at_.network, ", step ", step()));
  }

  int stop() {
    save();
    session_.log().line(concat("stopped at network ", at_.network, ", step ", step(), "; continue with --resume ",
                               session_.folder().path().string()));
    return kStopped;
  }

  void use_micro_batch(std::int64_t images) {
    at_.micro_batch = images;
    learned_.search.set_micro_batch(images);
  }
  bool is_split() const { return at_.micro_batch > 0 && at_.micro_batch < batch_size(); }

  /// Evaluation keeps within what a step needs; its size must not change on resume, for sums are rounded by it.
  std::int64_t evaluation_size() const { return at_.micro_batch > 0 ? at_.micro_batch : 100; }

  nas::Batch noise(std::int64_t images) const {
    const data::ImageShape shape = splits_.train->shape();
    return noise_batch(images, shape.channels, shape.height, precision_.maps);
  }

  /// The baseline is trained beside the weights and momentum of the first network.
  void hold_all_networks() {
    if (options_.flag("baseline"))
      make_baseline();
  }

  void rehearse_step(std::int64_t images, std::int64_t micro_batch) {
    learned_.search.set_micro_batch(micro_batch);
    learned_.search.step(noise(images), 1e-6, 0);
  }

  void rehearse_evaluation(std::int64_t images) {
    nas::evaluate(learned_.gated().forward, noise(images), batch_norm());
  }

  int print_plan() {
    const Unlimited unlimited;
    hold_all_networks();
    const std::int64_t images = is_split() ? at_.micro_batch : batch_size();
    PassPlan& plan = is_split() ? split_step_ : whole_step_;
    const double seconds = plan.seconds(images) * (is_split() ? static_cast<double>(batch_size() / images) / 2.0 : 1.0);
    const std::string memory = memory_table({{&plan, images}, {&evaluation_, evaluation_size()}});
    const std::int64_t steps = networks() * steps_of_network();
    const auto scored =
        static_cast<double>((networks() + 1) * options_.count("draws") * splits_.valid->size() / evaluation_size());
    std::int64_t gates = 0;
    for (const nas::GatedGroup& group : learned_.network.groups())
      gates += group.gates();
    std::cout << "parameters          "
              << format_count(count_elements(learned_.network.parameters(ParameterKind::kWeight)))
              << "\ngates               " << format_count(gates) << " in " << learned_.network.groups().size()
              << " groups\n"
              << memory;
    if (is_split())
      std::cout << micro_batch_line(batch_size(), images) << '\n';
    std::cout << time_lines(steps, seconds, scored * evaluation_.seconds(evaluation_size()));
    return kDone;
  }

  Session& session_;
  const Options& options_;
  Precision precision_;
  data::Splits splits_;
  nas::Batch valid_;  // here before any rehearsal, so that plans count it
  Trained learned_;
  std::unique_ptr<Trained> baseline_;
  data::Loader loader_;
  PassPlan whole_step_{"step", [this](std::int64_t images) { rehearse_step(images, images); }};
  PassPlan split_step_{"step", [this](std::int64_t images) {
                         const Tensor rest = noise(std::max<std::int64_t>(1, batch_size() - 2 * images)).images;
                         rehearse_step(2 * images, images);
                       }};
  PassPlan evaluation_{"evaluation", [this](std::int64_t images) { rehearse_evaluation(images); }};
  Checkpoints* checkpoints_ = nullptr;
  Progress* progress_ = nullptr;
  Position at_;
  double started_ = 0.0;
};

void declare_training(OptionTable& table) {
  table.group("Training");
  table.count("epochs", 10, "passes over the training images, of each network", {.min = 1, .max = 1000000});
  table.count("batch-size", 128, "images in one step", {.min = 1, .max = 1000000});
  table.real("lr", 0.05, "learning rate at the start of its cosine", kPositive);
  table.alias("learning-rate", "lr");
  table.real("final-lr", 0, "learning rate at its end");
  table.real("momentum", 0.9, "Nesterov's momentum", kFraction);
  table.real("grad-clip", 5, "largest norm of the gradient; 0 for no limit");
  table.count("cutout", 16, "side of the square cut out of training images; 0 for none", {.max = 1024});
}

void declare_network(OptionTable& table) {
  table.group("Network");
  table.count("stem", 16, "channels of the first convolution", {.min = 1, .max = 100000});
  table.count("width", 16, "channels of the first stage; they double twice", {.min = 2, .max = 100000});
  table.count("blocks", 2, "blocks in each of the three stages", {.min = 1, .max = 1000});
  table.count("branches", 2, "branches of a block, beside its skip", {.min = 1, .max = 100});
}

void declare_gates(OptionTable& table) {
  table.group("Gates");
  table.real("prior-length", 150, "l^2 of the kernels' prior: larger drops more");
  table.real("dropout-examples", 5e5, "N of the objective", {.min = 1});
  table.flag("kl-half", "the factor 1/2 of the derivation, which the published program leaves out");
  table.real("initial-drop", 0.1, "drop probability of gates at the start", {.min = 0.001, .max = 0.999});
  table.real("temperature", 0.2, "of relaxed gates", kPositive);
  table.real("logit-rate", 1, "learning rate of the gates' logits over that of the weights");
  table.flag("fixed", "keep all gates at --initial-drop: both groups then come from one distribution");
  table.flag("baseline", "also train a network whose gates all drop at the rate of the random group");
  table.real("weight-decay", std::nullopt, "of networks with fixed gates [that of the prior at their drop rate]");
  table.group("Candidates");
  table.count("draws", 100, "candidates in each group", {.min = 1, .max = 100000});
  table.choice("candidate-bn", {"running", "frozen"}, "running",
               "their batch norm: the trained network's running statistics, as published, or their own on each batch");
}

}  // namespace

void declare_pgnas(OptionTable& table) {
  add_compute_options(table);
  add_profile_option(table);
  add_data_options(table);
  table.at("valid-size").fallback = "5000";
  declare_training(table);
  declare_network(table);
  declare_gates(table);
  add_run_options(table);
  table.count("save-every", 100, "steps between checkpoints; every epoch ends with one", {.min = 1, .max = 1000000});
  table.preset("quick", {{"dataset", "shapes"},
                         {"train-size", "4000"},
                         {"valid-size", "500"},
                         {"test-size", "500"},
                         {"width", "8"},
                         {"stem", "8"},
                         {"blocks", "1"},
                         {"batch-size", "64"},
                         {"epochs", "6"},
                         {"cutout", "8"},
                         {"prior-length", "500"},
                         {"logit-rate", "10"},
                         {"draws", "60"}});
  table.preset(
      "small",
      {{"dataset", "cifar10"}, {"valid-size", "1000"}, {"blocks", "1"}, {"cutout", "0"}, {"prior-length", "500"}});
  table.preset("paper", {{"dataset", "cifar10"},
                         {"width", "96"},
                         {"blocks", "4"},
                         {"epochs", "1800"},
                         {"lr", "0.01"},
                         {"prior-length", "50"},
                         {"draws", "1500"}});
  table.at("preset").fallback = "quick";
}

int run_pgnas(Session& session) {
  return run_within_limit<PgnasRun>(session);
}

}  // namespace ockham::apps
