#include "apps/runs/training/network_training.h"

#include <algorithm>
#include <cmath>
#include <iostream>

#include "apps/cli/text/format.h"
#include "apps/runs/folder/recorded_facts.h"
#include "apps/runs/inputs/batches.h"
#include "apps/runs/inputs/datasets.h"
#include "apps/runs/memory_plan.h"
#include "data/image/picture.h"
#include "engine/atomic_file.h"
#include "engine/device_memory.h"
#include "nas/cost.h"
#include "nas/layers/whitening.h"
#include "nas/methods/weight_training.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kWhiteningImages = 2000;
constexpr const char* kInTraining = "training.";  // before the names of weights whose average is tested

data::Splits open_training_data(const TrainSettings& settings) {
  check(settings.recipe);
  const std::int64_t asked = settings.data.train_size, taken = update_size(settings.recipe);
  require_whole_batch(taken, asked > 0 ? asked : taken);
  data::Splits splits = open_recorded_splits(settings.data, settings.run);
  require_whole_batch(taken, splits.train->size());
  return splits;
}

data::LoaderOptions loader_options_of(const TrainSettings& settings, const data::Dataset& dataset) {
  return {.batch_size = update_size(settings.recipe),
          .drop_last = true,
          .seed = static_cast<std::uint64_t>(settings.run.compute.seed),
          .threads = loader_threads(dataset)};
}

nas::TrainerOptions trainer_options(const RecipeSettings& recipe, std::uint64_t seed, nas::StepHooks hooks) {
  nas::TrainerOptions options = trainer_options_of(recipe, seed);
  options.hooks = std::move(hooks);
  return options;
}

int run_train(Session& session, const TrainSettings& settings) {
  return run_training(session, settings.run, [&] { return std::make_unique<NetworkTraining>(session, settings); });
}

}  // namespace

MakeNetwork maker_of(const NetworkSettings& settings) {
  return [settings](const NamedCells& cells, const data::Dataset& images, Initial& initial) {
    return build_network(settings, cells, images.classes(), images.shape(), initial);
  };
}

App train_app() {
  return app_of("train", "Trains the network of a genotype, or a model, from scratch and tests it.", run_train,
                declare_train);
}

NetworkTraining::NetworkTraining(Session& session, const TrainSettings& settings)
    : NetworkTraining(session, settings, cells_of(settings.network), maker_of(settings.network), {}) {}

NetworkTraining::NetworkTraining(Session& session, const TrainSettings& settings, NamedCells cells,
                                 const MakeNetwork& make, nas::StepHooks hooks)
    : session_(session),
      settings_(settings),
      maps_(maps_of(settings.run.compute)),
      cells_(std::move(cells)),
      splits_(open_training_data(settings)),
      initial_{.seed = static_cast<std::uint64_t>(settings.run.compute.seed),
               .dtype = precision_of(settings.run.compute).weights,
               .device = maps_.device},
      network_(make(cells_, *splits_.train, initial_)),
      trainer_(*network_.net, trainer_options(settings.recipe, initial_.seed, std::move(hooks))),
      schedule_(schedule_of(settings.recipe)),
      loader_(splits_.train, transform_of(settings.recipe, *splits_.train, splits_.train->shape().height),
              loader_options_of(settings, *splits_.train)) {
  const RecipeSettings& recipe = settings_.recipe;
  if (recipe.ema > 0.0)
    averages_.emplace(*network_.net, recipe.ema);
  if (const std::int64_t early = early_epochs(recipe); early > 0) {
    require_early_size();
    const data::DatasetPtr small = data::with_fit(splits_.train, {.side = recipe.early_size});
    early_.emplace(small, transform_of(recipe, *small, splits_.train->shape().height),
                   loader_options_of(settings, *small));
    stretches_.push_back({.name = "early", .epochs = early, .batches = &*early_});
  }
  stretches_.push_back({.name = "train",
                        .epochs = recipe.epochs - early_epochs(recipe),
                        .batches = &loader_,
                        .first_epoch = early_epochs(recipe)});
}

void NetworkTraining::add_stretch(std::string name, std::int64_t epochs) {
  const Stretch& last = stretches_.back();
  const std::int64_t first = last.first_epoch + last.epochs;
  stretches_.push_back({.name = std::move(name), .epochs = epochs, .batches = &loader_, .first_epoch = first});
}

/// @throws UsageError if the network takes no images of --early-size
void NetworkTraining::require_early_size() {
  const std::int64_t size = settings_.recipe.early_size;
  if (settings_.network.auxiliary)
    throw UsageError(concat("--early-size ", size, ": the second classifier takes full images; drop --auxiliary."));
  try {
    nas::count_macs([&](const Context& c, const Variable& x) { return network_.net->forward(c, x).logits; },
                    splits_.train->shape().channels, size, initial_.dtype, initial_.device);
  } catch (const Error& e) {
    throw UsageError(concat("--early-size ", size, ": the network takes no images of that size (", e.what(), ")"));
  }
}

void NetworkTraining::begin(RunFolder& folder) {
  if (cells_.genotype)
    write_file_atomically(folder.file("genotype.json"), nas::to_json(*cells_.genotype));
  if (cells_.nasbench201)
    write_file_atomically(folder.file("cell.txt"), nas::nasbench201::to_string(*cells_.nasbench201) + "\n");
  if (cells_.trees)
    write_file_atomically(folder.file("genotype.json"), nas::proxyless::to_json(*cells_.trees));
  if (nas::Whitening* whitening = network_.net->whitening()) {
    const std::int64_t images = std::min(kWhiteningImages, splits_.train->size());
    whitening->fit(sample_batch(splits_.train, images, initial_.seed, 0, initial_.dtype).images);
  }
  if (averages_)
    averages_->restart();
}

/// Epochs of the run before a place.
std::int64_t NetworkTraining::epoch_of(const Place& place) const {
  return stretches_.at(place.stretch).first_epoch + place.epoch;
}

double NetworkTraining::learning_rate(const Place& place) const {
  const auto steps = static_cast<double>(loader_.batches_per_epoch());
  return schedule_.at(epoch_of(place), static_cast<double>(place.step) / steps - static_cast<double>(place.epoch));
}

nas::Score NetworkTraining::step(const nas::Batch& batch, const nas::Batch&, const Place& place, double lr) {
  const RecipeSettings& recipe = settings_.recipe;
  const double progress = std::min(  // stretches behind the recipe's epochs keep its last rate
      1.0, static_cast<double>(epoch_of(place)) / static_cast<double>(std::max<std::int64_t>(1, recipe.epochs)));
  network_.net->set_drop_probability(recipe.drop_path_prob * progress);
  const auto number = static_cast<std::uint64_t>(place.run_step);
  const nas::Score score = trainer_.step(batch, lr, number);
  if (averages_)
    averages_->update(number);
  return score;
}

std::optional<Validation> NetworkTraining::validate() {
  if (!splits_.valid)
    return std::nullopt;
  return Validation{.score = evaluate(splits_.valid)};
}

nas::Score NetworkTraining::evaluate(const data::DatasetPtr& dataset, Predictions* predictions) {
  const nas::UseOfAverage use(averages_ ? &*averages_ : nullptr);
  return evaluate_dataset(dataset, evaluation_size(), maps_, [&](const nas::Batch& batch) {
    return trainer_.evaluate(batch, settings_.recipe.test_views, [&](const Tensor& logits) {
      if (predictions != nullptr)
        predictions->take(logits, batch.labels);
    });
  });
}

void NetworkTraining::publish_predictions(const Predictions& predictions) {
  RunFolder& folder = session_.folder();
  predictions.write(folder, *splits_.test, "test");
  const std::string name = shell_quoted(folder.path().string());
  folder.describe("next", {{{"what", "Test it once more, or on other images with --split, --dataset and --data:"},
                            {"command", "ockham-evaluate " + name}},
                           {{"what", "Exact second derivatives of its weights:"},
                            {"command", concat("ockham-hessian ", name, " --over weights")}}});
}

void NetworkTraining::publish(const RunResult& result) {
  Predictions predictions;
  const nas::Score test = evaluate(splits_.test, &predictions);
  publish_predictions(predictions);
  std::cout << "test accuracy " << format_percent(test.accuracy()) << " %, loss "
            << std::round(test.mean_loss() * 1e4) / 1e4 << ", " << format_count(parameters()) << " parameters, "
            << format_count(macs()) << " multiply-accumulates an image, " << format_duration(result.seconds)
            << "\ncheckpoint " << (session_.folder().path() / "checkpoints/last.safetensors").string() << "\n";
  Json summary{{"model", settings_.network.model}};
  if (cells_.genotype)
    summary = Json{{"genotype", Json::parse(nas::to_json(*cells_.genotype))}};
  else if (cells_.nasbench201)
    summary = Json{{"cell", nas::nasbench201::to_string(*cells_.nasbench201)}};
  else if (cells_.trees)
    summary = Json{{"genotype", Json::parse(nas::proxyless::to_json(*cells_.trees))}};
  summary.update(Json{{"dataset", settings_.data.images.dataset},
                      {"seed", settings_.run.compute.seed},
                      {"params", parameters()},
                      {"macs", macs()},
                      {"train_loss", result.train_loss},
                      {"valid_accuracy", splits_.valid ? Json(result.valid_accuracy) : Json(nullptr)},
                      {"test_accuracy", test.accuracy()},
                      {"test_loss", test.mean_loss()},
                      {"epochs", settings_.recipe.epochs},
                      {"seconds", result.seconds},
                      {"images_per_second", static_cast<double>(result.images) / result.seconds},
                      {"peak_bytes", memory_statistics(maps_.device).peak_bytes}});
  session_.publish(summary);
}

/// What is tested stands under the network's names: the average where there is one, beside the weights in training.
std::map<std::string, Tensor> NetworkTraining::state() {
  std::map<std::string, Tensor> tensors;
  if (averages_) {
    nas::add_network(kInTraining, *network_.net, tensors);
    nas::add_state("", averages_->state(), tensors);
  }
  nas::add_network("", *network_.net, tensors);  // names that are there stay as they are
  nas::add_state("optim.w.", trainer_.optimizer().state(), tensors);
  return tensors;
}

void NetworkTraining::load(const std::map<std::string, Tensor>& state) {
  nas::load_network(averages_ ? kInTraining : "", *network_.net, state);
  if (averages_)
    averages_->load(state);
  trainer_.optimizer().load(nas::part_of_state("optim.w.", state));
}

void NetworkTraining::set_micro_batch(std::int64_t images) {
  micro_batch_ = images;
  trainer_.set_micro_batch(images == 0 ? part_size() : part_size() == 0 ? images : std::min(images, part_size()));
}

/// Evaluation keeps within what a step needs; its size must not change on resume, for sums are rounded by it.
std::int64_t NetworkTraining::evaluation_size() const {
  return std::min(micro_batch_ > 0 ? micro_batch_ : 100,
                  std::max(splits_.test->size(), splits_.valid ? splits_.valid->size() : 0));
}

std::vector<Pass> NetworkTraining::passes() {
  const auto evaluate = [this](std::int64_t images) {
    const data::ImageShape& shape = splits_.train->shape();
    trainer_.evaluate(noise_batch(images, shape.channels, shape.height, maps_));
  };
  return {{.name = "evaluation", .images = evaluation_size(), .rehearse = evaluate, .follows_micro_batch = true}};
}

std::int64_t NetworkTraining::parameters() {
  return count_elements(network_.net->parameters(ParameterKind::kWeight));
}

std::int64_t NetworkTraining::macs() {
  const data::ImageShape& shape = splits_.train->shape();
  return nas::count_macs([&](const Context& c, const Variable& x) { return network_.net->forward(c, x).logits; },
                         shape.channels, shape.height, initial_.dtype, initial_.device);
}

std::string NetworkTraining::size_lines() {
  return concat("parameters          ", format_count(parameters()), "\nmacs                ", format_count(macs()),
                " an image\n");
}

}  // namespace ockham::apps
