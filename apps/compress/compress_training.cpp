#include "apps/compress/compress_training.h"

#include <cmath>
#include <iostream>

#include "apps/cli/text/format.h"
#include "apps/compress/compress_groups.h"
#include "apps/compress/compress_report.h"
#include "apps/compress/sweep.h"
#include "apps/runs/folder/recorded_facts.h"
#include "apps/runs/folder/source_run.h"
#include "apps/runs/inputs/batches.h"
#include "apps/runs/memory_plan.h"
#include "engine/atomic_file.h"
#include "nas/methods/weight_training.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kPart = 64;  // images of a curvature pass at a time
constexpr const char* kCompression = "compression.";
constexpr const char* kPoints = "points";
constexpr std::int64_t kColumns = 6;  // of a point

Json to_json(const auto& sizes) {
  return {{"params", sizes.params},
          {"macs", sizes.macs},
          {"milliseconds_one", sizes.latency.one},
          {"milliseconds_hundred", sizes.latency.hundred}};
}

int run_compress(Session& session, const CompressSettings& settings) {
  check(settings);
  require_same_budgets(settings);
  if (const auto budgets = budgets_of(settings); budgets && budgets->most.size() > 1)
    return run_sweep(session, settings, *budgets);
  return run_training(session, settings.train.run, [&] {
    auto training = std::make_unique<CompressTraining>(session, settings);
    if (settings.train.run.folder.resume.empty())
      training->require_possible();  // before there is a folder
    return training;
  });
}

/// That of --checkpoint.
BuiltNetwork read_network(const std::string& path, const data::Dataset& images, Initial& initial) {
  Checkpoint checkpoint = read_checkpoint(checkpoint_path(path));
  if (checkpoint.network.contains("auxiliary"))
    checkpoint.network["auxiliary"] = false;  // a second classifier is of use to training alone
  nas::SavedNetwork saved = nas::restore_network(checkpoint.network, checkpoint.tensors, initial.dtype, initial.device);
  require_fit(saved.frame, images);
  if (saved.supernet)
    throw UsageError(concat("--checkpoint ", path,
                            " holds the network of a search; compress the network that train makes of its genotype."));
  BuiltNetwork built{.net = {}, .description = checkpoint.network};
  if (saved.evaluation)
    built.net = std::move(saved.evaluation);
  else
    built.net = std::move(saved.model);
  return built;
}

NamedCells cells_to_compress(const CompressSettings& s) {
  return s.checkpoint.empty() ? cells_of(s.train.network) : NamedCells{};
}

MakeNetwork maker_of(const CompressSettings& s) {
  if (s.checkpoint.empty())
    return maker_of(s.train.network);
  return [path = s.checkpoint](const NamedCells&, const data::Dataset& images, Initial& initial) {
    return read_network(path, images, initial);
  };
}

}  // namespace

App compress_app() {
  return app_of("compress", "Makes a network smaller: prunes groups of its weights in cycles and removes them.",
                run_compress, declare_compress);
}

CompressTraining::CompressTraining(Session& session, const CompressSettings& settings)
    : NetworkTraining(session, settings.train, cells_to_compress(settings), maker_of(settings),
                      {.before_update = [this] { compressor_->before_update(with_penalty_); }, .after_update = {}}),
      compression_(settings),
      parameters_(network_.net->parameters(ParameterKind::kWeight)) {
  for (std::int64_t cycle = 1; cycle <= settings.cycles; ++cycle)
    add_stretch(concat("cycle ", cycle), settings.cycle_epochs);
  add_stretch("fine", settings.fine_epochs);
  nas::CompressorOptions options = compressor_options_of(settings, splits_.train->size());
  if (options.budget)
    options.budget->milliseconds = [this](const nas::Masks& masks) { return milliseconds_without(masks); };
  compressor_.emplace(parameters_, macs_by_entry(*network_.net, parameters_, *splits_.train),
                      groups_of(settings.pattern, *network_.net, parameters_, *splits_.train), options);
}

/// Two images of noise tell as much.
void CompressTraining::require_possible() const {
  nas::WeightDerivatives measured;
  try {
    measured = measure_noise(2);
  } catch (const UsageError&) {
    throw;
  } catch (const Error& e) {
    throw UsageError(concat("--rule ", name_of(compression_.rule), ": ", e.what(),
                            " --curvature gauss-newton may do, or a rule that looks at no curvature."));
  }
  compressor_->require_reachable(measured);
}

void CompressTraining::begin(RunFolder& folder) {
  NetworkTraining::begin(folder);
  if (is_timed())
    session_.log().line(concat("a pass over ", timed_images(), timed_images() == 1 ? " image" : " images", " takes ",
                               format_fixed(compressor_->dense_cost(), 3),
                               " ms before anything is pruned, and may take ", compression_.max_latency));
}

void CompressTraining::begin_stretch(std::size_t number) {
  with_penalty_ = is_cycle(number);
}

double CompressTraining::learning_rate(const Place& place) const {
  if (place.stretch == 0)
    return NetworkTraining::learning_rate(place);
  const double rate = cycle_rate(compression_);
  if (is_cycle(place.stretch))
    return rate;
  const double done = static_cast<double>(place.step) / static_cast<double>(std::max<std::int64_t>(1, place.steps));
  return 0.5 * rate * (1.0 + std::cos(std::numbers::pi * done));
}

/// Algorithm R wants one op per layer, and images that do not couple.
nas::BatchLoss CompressTraining::record(Tape& tape, const nas::Batch& images, std::size_t part) const {
  const std::int64_t begin = kPart * static_cast<std::int64_t>(part);
  const nas::Batch batch = nas::part_of(images, begin, std::min(begin + kPart, images.images.size(0)));
  const Context context{.tape = &tape, .batch_norm = BatchNormMode::kRunning, .fuses = false};
  return {softmax_cross_entropy(network_.net->forward(context, batch.images).logits, batch.labels),
          batch.images.size(0)};
}

/// What the rule needs of the loss; other images each time.
nas::WeightDerivatives CompressTraining::measure(std::int64_t draw) const {
  const std::int64_t images = std::min(compression_.images, splits_.train->size());
  const nas::Batch batch =
      sample_batch(splits_.train, images, initial_.seed, draw, wide_maps_of(settings_.run.compute));
  return compressor_->measure(static_cast<std::size_t>((images + kPart - 1) / kPart),
                              [&](Tape& tape, std::size_t part) { return record(tape, batch, part); });
}

std::optional<Validation> CompressTraining::end_stretch(std::size_t number, const nas::Pause& pause) {
  if (number == 0) {
    points_.assign(1, point(evaluated(), compressor_->dense_cost()));
    points_[0].test_accuracy = evaluate(splits_.test).accuracy();
  }
  if (!is_cycle(number))
    return std::nullopt;
  pause();
  const auto cycle = static_cast<std::int64_t>(number);
  const nas::CycleReport report = compressor_->end_cycle(cycle, measure(cycle), trainer_.optimizer());
  const std::optional<nas::Score> score = evaluated();
  points_.resize(number);
  points_.push_back(point(score, report.cost));
  session_.log().line(line_of(report));
  return score ? std::optional(Validation{.score = *score}) : std::nullopt;
}

std::optional<nas::Score> CompressTraining::evaluated() {
  return splits_.valid ? std::optional(evaluate(splits_.valid)) : std::nullopt;
}

CompressTraining::Point CompressTraining::point(const std::optional<nas::Score>& score, double cost) const {
  return {.params = compressor_->params(),
          .macs = compressor_->macs(),
          .loss = score ? score->mean_loss() : 0.0,
          .accuracy = score ? score->accuracy() : 0.0,
          .milliseconds = is_timed() ? cost : 0.0};
}

Shape CompressTraining::image() const {
  const data::ImageShape& shape = splits_.train->shape();
  return {shape.channels, shape.height, shape.width};
}

SmallNetwork CompressTraining::small_network(const nas::Masks& masks) const {
  std::map<std::string, Tensor> tensors;
  for (std::size_t p = 0; p < masks.parameters().size(); ++p)
    tensors.emplace(masks.parameters()[p]->name, masks.value_of(p));
  nas::add_network("", *network_.net, tensors);  // names that are there stay as they are
  return SmallNetwork(network_.description, tensors, initial_.dtype, maps_.device, compression_.round_to);
}

double CompressTraining::milliseconds_without(const nas::Masks& masks) const {
  SmallNetwork small = small_network(masks);
  return milliseconds_of([&](const Context& c, const Variable& x) { return small.logits(c, x); }, timed_images(),
                         image(), wide_maps_of(settings_.run.compute));
}

std::string CompressTraining::line_of(const nas::CycleReport& report) const {
  std::string line = concat("cycle ", report.cycle, "/", compression_.cycles, ": ");
  const auto& families = compressor_->prior().families();
  for (std::size_t f = 0; f < families.size(); ++f)
    line += concat(f == 0 ? "" : ", ", families[f].family.name(), " ", format_count(report.left[f]), " left of ",
                   format_count(report.left[f] + report.gone[f]));
  if (report.spared > 0)
    line += concat(", ", report.spared, " spared as the last of their layer");
  line += concat("; ", format_count(static_cast<std::int64_t>(report.params)), " parameters, ",
                 format_count(static_cast<std::int64_t>(report.macs)), " multiply-accumulates");
  if (is_timed())
    line += concat(", ", format_fixed(report.cost, 3), " ms");
  if (!report.reason.empty() && report.cycle == 1)
    line += concat(compression_.curvature == Curvature::kExact ? "; " : "; Gauss-Newton ",
                   "second derivatives: ", report.reason);
  return line;
}

std::map<std::string, Tensor> CompressTraining::state() {
  std::map<std::string, Tensor> tensors = NetworkTraining::state();
  std::map<std::string, Tensor> own = compressor_->state();
  std::vector<double> numbers;
  for (const Point& p : points_)
    numbers.insert(numbers.end(), {p.params, p.macs, p.loss, p.accuracy, p.milliseconds, p.test_accuracy});
  own.emplace(kPoints, Tensor::from(numbers, {std::ssize(points_), kColumns}));
  nas::add_state(kCompression, own, tensors);
  return tensors;
}

void CompressTraining::load(const std::map<std::string, Tensor>& state) {
  NetworkTraining::load(state);
  std::map<std::string, Tensor> own = nas::part_of_state(kCompression, state);
  const Tensor points = own.contains(kPoints) ? own.at(kPoints) : Tensor();
  if (!points || points.dtype() != DType::kFloat64 || points.shape().rank() != 2 || points.size(1) != kColumns)
    throw CheckpointError(
        concat("checkpoint: it lacks ", kCompression, kPoints, " [n, ", kColumns, "]; it is of no compression."));
  own.erase(kPoints);
  compressor_->load(own);
  points_.clear();
  for (std::int64_t i = 0; i < points.size(0); ++i) {
    const double* p = points.data<double>() + kColumns * i;
    points_.push_back(
        {.params = p[0], .macs = p[1], .loss = p[2], .accuracy = p[3], .milliseconds = p[4], .test_accuracy = p[5]});
  }
}

nas::WeightDerivatives CompressTraining::measure_noise(std::int64_t images) const {
  const data::ImageShape& shape = splits_.train->shape();
  const nas::Batch noise = noise_batch(images, shape.channels, shape.height, wide_maps_of(settings_.run.compute));
  return compressor_->measure(1, [&](Tape& tape, std::size_t part) { return record(tape, noise, part); });
}

std::vector<Pass> CompressTraining::passes() {
  std::vector<Pass> passes = NetworkTraining::passes();
  passes.push_back({.name = "Hessian pass",
                    .images = std::min(kPart, compression_.images),
                    .rehearse = [this](std::int64_t images) { measure_noise(images); }});
  return passes;
}

/// Second derivatives of what is left, where the rule looks at any.
std::vector<nas::BitWidth> CompressTraining::widths() const {
  const nas::WeightDerivatives measured = measure(compression_.cycles + 1);
  return nas::bit_widths(compressor_->masks(), measured.hessian, compressor_->prior().options().lambda);
}

Json CompressTraining::compression_json(const Sizes& dense, const Sizes& small, const std::vector<Parameter*>& left) {
  const std::vector<nas::BitWidth> bits = widths();
  Json points = Json::array();
  for (const Point& p : points_)
    points.push_back({{"params", p.params},
                      {"macs", p.macs},
                      {"milliseconds", is_timed() ? Json(p.milliseconds) : Json(nullptr)},
                      {"loss", p.loss},
                      {"accuracy", p.accuracy}});
  return {{"format", 1},
          {"rule", name_of(compression_.rule)},
          {"pattern", compression_.pattern},
          {"lambda", compressor_->prior().options().lambda},
          {"dense", to_json(dense)},
          {"small", to_json(small)},
          {"points", points},
          {"layers", layers_json(compressor_->masks(), left, bits)},
          {"bytes_at_bits", bits.empty() ? Json(nullptr) : Json(nas::bytes_at(bits, compressor_->masks()))},
          {"pictures", pictures_json(compressor_->masks(), image())}};
}

CompressTraining::Sizes CompressTraining::sizes_of(const nas::Forward& forward, std::int64_t params,
                                                   std::int64_t macs) const {
  return {.params = params, .macs = macs, .latency = latency_of(forward, image(), wide_maps_of(settings_.run.compute))};
}

nas::Score CompressTraining::test(SmallNetwork& small) const {
  return evaluate_dataset(splits_.test, evaluation_size(), maps_, [&](const nas::Batch& batch) {
    return nas::evaluate([&](const Context& c, const Variable& x) { return small.logits(c, x); }, batch,
                         BatchNormMode::kRunning, settings_.recipe.test_views);
  });
}

void CompressTraining::publish(const RunResult& result) {
  Predictions predictions;
  const nas::Score masked = evaluate(splits_.test, &predictions);
  predictions.write(session_.folder(), *splits_.test, "test");
  SmallNetwork small = small_network(compressor_->masks());
  const nas::Removal& removal = small.removal();
  const nas::Score score = test(small);
  const Sizes before =
      sizes_of([this](const Context& c, const Variable& x) { return network_.net->forward(c, x).logits; },
               removal.parameters_before, removal.macs_before);
  const Sizes after = sizes_of([&](const Context& c, const Variable& x) { return small.logits(c, x); },
                               removal.parameters, removal.macs);
  const std::filesystem::path file = session_.folder().file("small.safetensors");
  const data::Dataset& images = *splits_.train;
  small.save(file, facts_of(images.normalisation(), images.shape().channels));
  write_file_atomically(session_.folder().file("compression.json"),
                        compression_json(before, after, small.parameters()).dump(1) + "\n");
  describe_next(file);
  print(before, after, score, file, result.seconds);
  Json summary{{"rule", name_of(compression_.rule)},
               {"pattern", compression_.pattern},
               {"dataset", settings_.data.images.dataset},
               {"seed", settings_.run.compute.seed},
               {"params", after.params},
               {"macs", after.macs},
               {"params_dense", before.params},
               {"macs_dense", before.macs},
               {"weights_kept", compressor_->params()},
               {"milliseconds_one", after.latency.one},
               {"milliseconds_hundred", after.latency.hundred},
               {"milliseconds_one_dense", before.latency.one},
               {"milliseconds_hundred_dense", before.latency.hundred},
               {"train_loss", result.train_loss},
               {"valid_accuracy", splits_.valid ? Json(result.valid_accuracy) : Json(nullptr)},
               {"valid_accuracy_dense", splits_.valid ? Json(points_.front().accuracy) : Json(nullptr)},
               {"test_accuracy", score.accuracy()},
               {"test_accuracy_dense", points_.front().test_accuracy},
               {"test_loss", score.mean_loss()},
               {"test_accuracy_masked", masked.accuracy()},
               {"logit_gap", removal.gap},
               {"seconds", result.seconds}};
  if (is_timed())
    summary.update(Json{{"latency_batch", timed_images()},
                        {"milliseconds_limited", points_.back().milliseconds},
                        {"milliseconds_limited_dense", points_.front().milliseconds}});
  session_.publish(summary);
}

void CompressTraining::describe_next(const std::filesystem::path& file) {
  const std::string name = shell_quoted(file.string());
  session_.folder().describe("next", {{{"what", "Test the small network once more, or on other images:"},
                                       {"command", "ockham-evaluate " + name}},
                                      {{"what", "The small network for other programs:"},
                                       {"command", concat("ockham-export ", name, " --out small.onnx")}}});
}

std::string CompressTraining::limited_line() const {
  return concat("when it was pruned for the last time, a pass over ", timed_images(),
                timed_images() == 1 ? " image took " : " images took ", format_fixed(points_.back().milliseconds, 3),
                " ms, of at most ", compression_.max_latency, "\n");
}

void CompressTraining::print(const Sizes& dense, const Sizes& small, const nas::Score& score,
                             const std::filesystem::path& file, double seconds) const {
  const auto change = [](double before, double after) {
    return concat(" of ", format_count(static_cast<std::int64_t>(before)), " (",
                  format_fixed(100.0 * after / before, 2), " %)");
  };
  std::cout << "test accuracy " << format_percent(score.accuracy()) << " %, loss "
            << std::round(score.mean_loss() * 1e4) / 1e4 << "; before the first cycle "
            << format_percent(points_.front().test_accuracy) << " %\n"
            << format_count(small.params)
            << change(static_cast<double>(dense.params), static_cast<double>(small.params)) << " parameters, "
            << format_count(small.macs) << change(static_cast<double>(dense.macs), static_cast<double>(small.macs))
            << " multiply-accumulates an image\n";
  if (!compressor_->is_tied())
    std::cout << format_count(static_cast<std::int64_t>(compressor_->params())) << " of them are not zero\n";
  std::cout << "a hundred images take " << format_fixed(small.latency.hundred, 2) << " ms and took "
            << format_fixed(dense.latency.hundred, 2) << ", one takes " << format_fixed(small.latency.one, 3)
            << " and took " << format_fixed(dense.latency.one, 3) << "\n"
            << (is_timed() ? limited_line() : "") << format_duration(seconds) << "; the small network is "
            << file.string() << "\n";
}

}  // namespace ockham::apps
