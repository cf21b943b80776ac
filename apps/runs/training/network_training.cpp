#include "apps/runs/training/network_training.h"

#include <algorithm>
#include <cmath>
#include <iostream>

#include "apps/cli/text/format.h"
#include "apps/runs/folder/recorded_facts.h"
#include "apps/runs/inputs/batches.h"
#include "apps/runs/inputs/datasets.h"
#include "apps/runs/memory_plan.h"
#include "engine/atomic_file.h"
#include "engine/device_memory.h"
#include "nas/cost.h"
#include "nas/methods/weight_training.h"
#include "nas/saved/saved_network.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

data::Splits open_training_data(const TrainSettings& settings) {
  const std::int64_t asked = settings.data.train_size;
  require_whole_batch(settings.batch_size, asked > 0 ? asked : settings.batch_size);
  data::Splits splits = open_recorded_splits(settings.data, settings.run);
  require_whole_batch(settings.batch_size, splits.train->size());
  return splits;
}

int run_train(Session& session, const TrainSettings& settings) {
  return run_training(session, settings.run, [&] { return std::make_unique<NetworkTraining>(session, settings); });
}

}  // namespace

App train_app() {
  return app_of("train", "Trains the network of a genotype from scratch and tests it.", run_train, declare_train);
}

NetworkTraining::NetworkTraining(Session& session, const TrainSettings& settings)
    : session_(session),
      settings_(settings),
      maps_(maps_of(settings.run.compute)),
      genotype_(genotype_of(settings)),
      splits_(open_training_data(settings)),
      spec_(evaluation_spec_of(settings, genotype_, splits_.train->classes(), splits_.train->shape())),
      initial_{.seed = static_cast<std::uint64_t>(settings.run.compute.seed),
               .dtype = precision_of(settings.run.compute).weights,
               .device = maps_.device},
      network_(genotype_, spec_, initial_),
      trainer_(network_, trainer_options_of(settings)),
      schedule_(schedule_of(settings)),
      loader_(splits_.train, training_transform(*splits_.train, settings.cutout),
              {.batch_size = settings.batch_size, .drop_last = true, .seed = initial_.seed, .threads = kLoaderThreads}),
      stretches_{{.name = "train", .epochs = settings.epochs, .batches = &loader_}} {}

void NetworkTraining::begin(RunFolder& folder) {
  write_file_atomically(folder.file("genotype.json"), nas::to_json(genotype_));
}

double NetworkTraining::learning_rate(const Place& place) const {
  return schedule_.at(place.epoch);
}

nas::Score NetworkTraining::step(const nas::Batch& batch, const nas::Batch&, const Place& place, double lr) {
  const double progress =
      static_cast<double>(place.epoch) / static_cast<double>(std::max<std::int64_t>(1, settings_.epochs));
  network_.set_drop_probability(settings_.drop_path_prob * progress);
  return trainer_.step(batch, lr, static_cast<std::uint64_t>(place.step));
}

std::optional<Validation> NetworkTraining::validate() {
  if (!splits_.valid)
    return std::nullopt;
  return Validation{.score = evaluate(splits_.valid)};
}

nas::Score NetworkTraining::evaluate(const data::DatasetPtr& dataset) {
  return evaluate_dataset(dataset, evaluation_size(), maps_,
                          [&](const nas::Batch& batch) { return trainer_.evaluate(batch); });
}

void NetworkTraining::publish(const RunResult& result) {
  const nas::Score test = evaluate(splits_.test);
  std::cout << "test accuracy " << format_percent(test.accuracy()) << " %, loss "
            << std::round(test.mean_loss() * 1e4) / 1e4 << ", " << format_count(parameters()) << " parameters, "
            << format_count(macs()) << " multiply-accumulates an image, " << format_duration(result.seconds)
            << "\ncheckpoint " << (session_.folder().path() / "checkpoints/last.safetensors").string() << "\n";
  session_.publish({{"genotype", Json::parse(nas::to_json(genotype_))},
                    {"dataset", settings_.data.images.dataset},
                    {"seed", settings_.run.compute.seed},
                    {"params", parameters()},
                    {"macs", macs()},
                    {"train_loss", result.train_loss},
                    {"valid_accuracy", splits_.valid ? Json(result.valid_accuracy) : Json(nullptr)},
                    {"test_accuracy", test.accuracy()},
                    {"test_loss", test.mean_loss()},
                    {"epochs", settings_.epochs},
                    {"seconds", result.seconds},
                    {"images_per_second", static_cast<double>(result.images) / result.seconds},
                    {"peak_bytes", memory_statistics(maps_.device).peak_bytes}});
}

Json NetworkTraining::network() const {
  return nas::to_json(spec_, genotype_);
}

std::map<std::string, Tensor> NetworkTraining::state() {
  std::map<std::string, Tensor> tensors;
  nas::add_network("", network_, tensors);
  nas::add_state("optim.w.", trainer_.optimizer().state(), tensors);
  return tensors;
}

void NetworkTraining::load(const std::map<std::string, Tensor>& state) {
  nas::load_network("", network_, state);
  trainer_.optimizer().load(nas::part_of_state("optim.w.", state));
}

void NetworkTraining::set_micro_batch(std::int64_t images) {
  micro_batch_ = images;
  trainer_.set_micro_batch(images);
}

/// Evaluation keeps within what a step needs; its size must not change on resume, for sums are rounded by it.
std::int64_t NetworkTraining::evaluation_size() const {
  return std::min(micro_batch_ > 0 ? micro_batch_ : 100,
                  std::max(splits_.test->size(), splits_.valid ? splits_.valid->size() : 0));
}

std::vector<Pass> NetworkTraining::passes() {
  const auto evaluate = [this](std::int64_t images) {
    trainer_.evaluate(noise_batch(images, spec_.frame.image_channels, spec_.frame.image_size, maps_));
  };
  return {{.name = "evaluation", .images = evaluation_size(), .rehearse = evaluate, .follows_micro_batch = true}};
}

std::int64_t NetworkTraining::parameters() {
  return count_elements(network_.parameters(ParameterKind::kWeight));
}

std::int64_t NetworkTraining::macs() {
  return nas::count_macs([&](const Context& c, const Variable& x) { return network_.forward(c, x).logits; },
                         spec_.frame.image_channels, spec_.frame.image_size, initial_.dtype, initial_.device);
}

std::string NetworkTraining::size_lines() {
  return concat("parameters          ", format_count(parameters()), "\nmacs                ", format_count(macs()),
                " an image\n");
}

}  // namespace ockham::apps
