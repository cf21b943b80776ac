#include "apps/pgnas/pgnas_training.h"

#include <algorithm>
#include <cmath>
#include <iostream>

#include "apps/cli/text/format.h"
#include "apps/runs/folder/recorded_facts.h"
#include "apps/runs/inputs/batches.h"
#include "apps/runs/inputs/datasets.h"
#include "apps/runs/memory_plan.h"
#include "autograd/optim/schedule.h"
#include "engine/atomic_file.h"
#include "engine/device_memory.h"
#include "nas/methods/weight_training.h"
#include "nas/train/micro_batches.h"
#include "nas/train/trainer.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kBaseline = "baseline.";  ///< prefix of its tensors

data::Splits open_checked_splits(const PgnasSettings& settings) {
  check(settings);
  data::Splits splits = open_recorded_splits(settings.data, settings.run);
  const data::ImageShape shape = splits.train->shape();
  require_sides(shape.height, shape.width);
  require_whole_batch(settings.batch_size, splits.train->size());
  return splits;
}

/// All images at once, to be scored many times.
nas::Batch whole(const data::DatasetPtr& dataset, const TensorForm& form) {
  nas::Batch result;
  evaluate_dataset(dataset, dataset->size(), form, [&](const nas::Batch& batch) {
    result = batch;
    return nas::Score{};
  });
  return result;
}

std::vector<Stretch> stretches_of(const PgnasSettings& settings, data::Loader& loader) {
  std::vector<Stretch> stretches{
      {.name = settings.fixed ? "fixed" : "learned", .epochs = settings.epochs, .batches = &loader}};
  if (settings.baseline)
    stretches.push_back({.name = "fixed", .epochs = settings.epochs, .batches = &loader});
  return stretches;
}

}  // namespace

int run_pgnas(Session& session, const PgnasSettings& settings) {
  return run_training(session, settings.run, [&] { return std::make_unique<PgnasTraining>(session, settings); });
}

GatedTraining::GatedTraining(const PgnasSettings& settings, const data::Dataset& dataset, bool learns, double drop)
    : initial{.seed = settings.seed(),
              .dtype = precision_of(settings.run.compute).weights,
              .device = chosen_device(settings.run.compute)},
      network(hybrid_spec_of(settings, dataset, drop), initial),
      search(nas::gated(network), pgnas_options_of(settings, learns, drop)) {}

void GatedTraining::add_to(std::map<std::string, Tensor>& state, const std::string& prefix) {
  nas::add_network(prefix, network, state);
  nas::add_state(prefix + "optim.", search.state(), state);
}

void GatedTraining::load(const std::map<std::string, Tensor>& state, const std::string& prefix) {
  nas::load_network(prefix, network, state);
  search.load(nas::part_of_state(prefix + "optim.", state));
}

PgnasTraining::PgnasTraining(Session& session, const PgnasSettings& settings)
    : session_(session),
      settings_(settings),
      maps_(maps_of(settings.run.compute)),
      splits_(open_checked_splits(settings)),
      valid_(whole(splits_.valid, maps_)),
      learned_(settings, *splits_.train, !settings.fixed, settings.network.gates.drop),
      loader_(splits_.train, training_transform(*splits_.train, settings.cutout),
              {.batch_size = settings.batch_size,
               .drop_last = true,
               .seed = settings.seed(),
               .threads = loader_threads(*splits_.train)}),
      stretches_(stretches_of(settings, loader_)) {}

void PgnasTraining::begin_stretch(std::size_t number) {
  if (number == 1 && !baseline_)
    make_baseline();
  trained_ = number == 0 ? &learned_ : baseline_.get();
}

/// The baseline drops at the rate of the random candidates, which the learned gates give when they are trained.
void PgnasTraining::make_baseline() {
  const double drop = std::clamp(nas::equal_size_drop(learned_.gated()), 1e-6, 1.0 - 1e-6);
  baseline_ = std::make_unique<GatedTraining>(settings_, *splits_.train, false, drop);
  baseline_->search.set_micro_batch(micro_batch_);
  for (Parameter* parameter : learned_.network.state())
    parameter->grad = {};  // its training is over
}

/// A cosine over all steps of a network.
double PgnasTraining::learning_rate(const Place& place) const {
  return Schedule{.kind = Schedule::Kind::kCosine,
                  .initial = settings_.lr,
                  .final = std::min(settings_.lr, settings_.final_lr),
                  .epochs = place.steps}
      .at(place.step);
}

nas::Score PgnasTraining::step(const nas::Batch& batch, const nas::Batch&, const Place& place, double lr) {
  GatedTraining& trained = place.stretch == 0 ? learned_ : *baseline_;
  return trained.search.step(batch, lr, static_cast<std::uint64_t>(place.step));
}

/// Of the network of all gates.
std::optional<Validation> PgnasTraining::validate() {
  return Validation{.score = nas::evaluate_candidate(trained_->gated(), valid_batches(), settings_.candidate_bn),
                    .facts = {{"stage_drop", stage_drops(*trained_)},
                              {"drop", nas::equal_size_drop(trained_->gated())},
                              {"divergence", trained_->search.divergence()},
                              {"expected_params", nas::expected_parameters(trained_->gated())}}};
}

std::vector<nas::Batch> PgnasTraining::valid_batches() const {
  std::vector<nas::Batch> batches;
  const std::int64_t all = splits_.valid->size();
  for (std::int64_t begin = 0; begin < all; begin += evaluation_size())
    batches.push_back(nas::part_of(valid_, begin, std::min(all, begin + evaluation_size())));
  return batches;
}

/// Mean p of each stage's gates.
std::vector<double> PgnasTraining::stage_drops(GatedTraining& trained) const {
  constexpr std::size_t kStages = 3;
  const auto of_stage = static_cast<std::size_t>(settings_.network.blocks_per_stage);
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

std::optional<Validation> PgnasTraining::end_stretch(std::size_t number, const nas::Pause& pause) {
  if (number + 1 < stretches_.size())
    return std::nullopt;
  const std::uint64_t seed = settings_.seed();
  const double drop = nas::equal_size_drop(learned_.gated());
  groups_.clear();  // each group draws numbers of its own
  groups_.push_back(rank(learned_, "guided", {.seed = seed}, pause));
  groups_.push_back(rank(learned_, "random", {.seed = seed + 0x52414eu, .drop_rate = drop}, pause));
  if (baseline_)
    groups_.push_back(rank(*baseline_, "baseline", {.seed = seed + 0x424153u, .drop_rate = drop}, pause));
  return std::nullopt;
}

CandidateGroup PgnasTraining::rank(GatedTraining& from, const std::string& name, const nas::Drawing& drawing,
                                   const nas::Pause& pause) {
  const nas::GatedNetwork& network = from.gated();
  Progress progress(session_.log(), concat("rank ", name), settings_.draws);
  std::vector<std::int64_t> parameters;
  const auto put = [&](std::uint64_t number) {
    pause();
    if (number > 0)
      progress.advance(splits_.valid->size(), 0.0);
    nas::put_candidate(network.groups, drawing, number);
    parameters.push_back(nas::kept_parameters(network));
  };
  const std::vector<nas::Ranked> ranked =
      nas::rank_candidates(network, valid_batches(), static_cast<std::uint64_t>(settings_.draws), put,
                           {.batch_norm = settings_.candidate_bn});
  CandidateGroup group{.name = name, .drawing = drawing, .candidates = {}};
  for (const nas::Ranked& r : ranked)
    group.candidates.push_back(
        {r.number, r.score.accuracy(), r.score.mean_loss(), parameters.at(static_cast<std::size_t>(r.number))});
  group.expected_parameters = nas::expected_parameters(network, drawing);
  nas::put_candidate(network.groups, drawing, group.candidates.front().number);
  group.test_accuracy = test(from);
  nas::keep_all(network.groups);
  return group;
}

double PgnasTraining::test(GatedTraining& from) {
  return evaluate_dataset(splits_.test, evaluation_size(), maps_,
                          [&](const nas::Batch& batch) {
                            return nas::evaluate(from.gated().forward, batch, settings_.candidate_bn);
                          })
      .accuracy();
}

Json PgnasTraining::whole_json(GatedTraining& from) {
  const nas::Score valid = nas::evaluate_candidate(from.gated(), valid_batches(), settings_.candidate_bn);
  return {{"params", from.weights()}, {"valid_accuracy", valid.accuracy()}, {"test_accuracy", test(from)}};
}

/// Every group of gates with its p, in the order of the network.
void PgnasTraining::write_posterior() {
  nas::PosteriorTable table;
  for (const nas::GatedGroup& group : learned_.network.groups()) {
    table.rows.push_back({group.kernels.front()->name, "kept"});
    table.columns["gates"].push_back(static_cast<double>(group.gates()));
    table.columns["drop"].push_back(group.drop_probability());
  }
  write_file_atomically(session_.folder().file("posterior.json"), nas::posterior_json(table, "pgnas", "hybrid"));
}

void PgnasTraining::publish(const RunResult& result) {
  const double drop = nas::equal_size_drop(learned_.gated());
  write_posterior();
  tell_groups(session_.folder(), groups_);
  Json summary{{"dataset", settings_.data.images.dataset},
               {"seed", settings_.run.compute.seed},
               {"network", whole_json(learned_)},
               {"baseline_network", baseline_ ? whole_json(*baseline_) : Json(nullptr)},
               {"stage_drop", stage_drops(learned_)},
               {"equal_size_drop", drop},
               {"groups", groups_json(groups_)},
               {"seconds", result.seconds},
               {"peak_bytes", memory_statistics(maps_.device).peak_bytes}};
  std::cout << "whole network: " << format_count(learned_.weights()) << " parameters, test "
            << format_percent(summary["network"]["test_accuracy"].get<double>()) << " %; mean drop "
            << format_real(std::round(drop * 1e4) / 1e4) << "\ntime " << format_duration(result.seconds)
            << ", results in " << session_.folder().path().string() << '\n';
  session_.publish(summary);
}

Json PgnasTraining::network() const {
  return {{"kind", "hybrid"},
          {"stem", settings_.network.stem},
          {"width", settings_.network.width},
          {"blocks", settings_.network.blocks_per_stage},
          {"branches", settings_.network.branches},
          {"classes", splits_.train->classes()},
          {"image_channels", splits_.train->shape().channels}};
}

std::map<std::string, Tensor> PgnasTraining::state() {
  std::map<std::string, Tensor> state;
  learned_.add_to(state, "");
  if (baseline_)
    baseline_->add_to(state, kBaseline);
  return state;
}

void PgnasTraining::load(const std::map<std::string, Tensor>& state) {
  learned_.load(state, "");
  if (nas::part_of_state(kBaseline, state).empty())
    return;
  make_baseline();
  baseline_->load(state, kBaseline);
}

void PgnasTraining::set_micro_batch(std::int64_t images) {
  micro_batch_ = images;
  learned_.search.set_micro_batch(images);
  if (baseline_)
    baseline_->search.set_micro_batch(images);
}

std::vector<Pass> PgnasTraining::passes() {
  const auto evaluate = [this](std::int64_t images) {
    const data::ImageShape shape = splits_.train->shape();
    nas::evaluate(learned_.gated().forward, noise_batch(images, shape.channels, shape.height, maps_),
                  settings_.candidate_bn);
  };
  return {{.name = "evaluation", .images = evaluation_size(), .rehearse = evaluate, .follows_micro_batch = true}};
}

/// Each group scores its draws on all validation images.
double PgnasTraining::repeats_after_training(std::size_t) const {
  const auto groups = static_cast<std::int64_t>(stretches_.size()) + 1;
  return static_cast<double>(groups * settings_.draws * splits_.valid->size() / evaluation_size());
}

std::string PgnasTraining::size_lines() {
  std::int64_t gates = 0;
  for (const nas::GatedGroup& group : learned_.network.groups())
    gates += group.gates();
  return concat("parameters          ", format_count(learned_.weights()), "\ngates               ", format_count(gates),
                " in ", learned_.network.groups().size(), " groups\n");
}

}  // namespace ockham::apps
