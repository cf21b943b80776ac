#include "apps/search/method_run.h"

#include <algorithm>
#include <cmath>
#include <iostream>

#include "apps/cli/format.h"
#include "apps/cli/host.h"
#include "apps/cli/progress.h"
#include "apps/runs/batches.h"
#include "apps/runs/checkpoints.h"
#include "apps/runs/limited_run.h"
#include "apps/runs/recorded_facts.h"
#include "apps/runs/training_line.h"
#include "apps/search/method_report.h"
#include "apps/search/search_setup.h"
#include "autograd/optim/schedule.h"
#include "engine/allocator.h"
#include "nas/methods/architecture_eigenvalue.h"
#include "nas/methods/held_out.h"
#include "nas/rank_correlation.h"
#include "nas/train/parameter_vectors.h"
#include "nas/train/trainer.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

/// Where a search stands, and what it has to remember of its way there.
struct Position {
  std::int64_t epoch = 0;
  std::int64_t batch = 0;
  std::int64_t micro_batch = 0;          ///< images at a time that the run was started with; 0: whole batches
  double valid_accuracy = 0.0;           ///< after the last whole epoch
  std::vector<double> eigenvalues = {};  ///< of the last epochs, kBack + 1 at most

  static constexpr std::size_t kBack = 5;

  Json json() const {
    return {{"epoch", epoch},
            {"batch", batch},
            {"micro_batch", micro_batch},
            {"valid_accuracy", valid_accuracy},
            {"eigenvalues", eigenvalues}};
  }
  static Position from(const Json& j) {
    return {count_of(j, "epoch"), count_of(j, "batch"), count_of(j, "micro_batch"), real_of(j, "valid_accuracy"),
            reals_of(j, "eigenvalues")};
  }
};

class MethodRun {
 public:
  /// @param micro_batch images at a time that the memory limit allows; 0: there is no limit
  explicit MethodRun(Session& session, std::int64_t micro_batch = 0)
      : session_(session),
        options_(session.options()),
        precision_(precision_of(options_)),
        splits_(open_recorded_splits(options_)),
        space_(make_space(options_, data_frame())),
        table_(load_table()),
        train_(half(false)),
        valid_(half(true)),
        held_out_(held_out()),
        method_(find_method(options_.text("method")).make(*space_, options_, images())) {
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
      if (at_.epoch >= options_.count("epochs") && repeat_results(session_))
        return kDone;
    } else {
      session_.folder().describe("data", data_facts(splits_));
    }
    if (at_.micro_batch > 0 && at_.micro_batch < batch_size())
      session_.log().line(micro_batch_line(batch_size(), at_.micro_batch));
    if (options_.count("rank-cells") > 0 && method_->relaxed() == nullptr)
      session_.log().line(concat("--rank-cells: method ", options_.text("method"),
                                 " has no search network of logits, by which to score other cells; there will be no "
                                 "rank correlation"));
    Progress progress(session_.log(), "search", total_steps(), step());
    progress_ = &progress;
    for (; at_.epoch < options_.count("epochs"); ++at_.epoch, at_.batch = 0) {
      if (!train_epoch())
        return stop();
      finish_epoch();
    }
    progress.finish();
    save();  // what follows may take long, and begins anew if it is interrupted
    try {
      method_->end_phase(0, check_stop);
      publish();
    } catch (const Interrupted&) {
      return stop();
    }
    return kDone;
  }

  /// Images at a time with which the run keeps within --memory-limit. Trains the network on noise: of no use after.
  std::int64_t fitting_micro_batch() {
    return apps::fitting_micro_batch(options_.size("memory-limit"), batch_size(), whole_step_, split_step_,
                                     other_passes());
  }

 private:
  nas::FrameSpec data_frame() const {
    const data::ImageShape shape = splits_.train->shape();
    return {.classes = splits_.train->classes(), .image_channels = shape.channels, .image_size = shape.height};
  }

  std::optional<nas::nasbench201::Table> load_table() const {
    return options_.is_set("table") ? std::optional(nas::nasbench201::Table::load(options_.text("table")))
                                    : std::nullopt;
  }

  std::int64_t batch_size() const { return options_.count("batch-size"); }
  std::int64_t total_steps() const { return train_->batches_per_epoch() * options_.count("epochs"); }
  std::int64_t step() const { return at_.epoch * train_->batches_per_epoch() + at_.batch; }

  /// How many training images come before the architecture's part.
  std::int64_t cut() const {
    return static_cast<std::int64_t>((1.0 - options_.real("arch-fraction")) *
                                     static_cast<double>(splits_.train->size()));
  }
  /// The training images that weights learn from, or those that the architecture learns from.
  std::vector<std::int64_t> indices_of(bool is_valid) const {
    std::vector<std::int64_t> indices;
    for (std::int64_t i = is_valid ? cut() : 0; i < (is_valid ? splits_.train->size() : cut()); ++i)
      indices.push_back(i);
    return indices;
  }

  std::unique_ptr<data::Loader> half(bool is_valid) const {
    std::vector<std::int64_t> indices = indices_of(is_valid);
    if (static_cast<std::int64_t>(indices.size()) < batch_size())
      throw UsageError(concat(is_valid ? "architecture" : "weights", ": ", indices.size(), " of ",
                              splits_.train->size(), " training images do not fill a batch of ", batch_size(),
                              "; lower --batch-size or change --train-size or --arch-fraction."));
    return std::make_unique<data::Loader>(
        data::make_subset(splits_.train, std::move(indices)), training_transform(*splits_.train, 0),
        data::LoaderOptions{.batch_size = batch_size(),
                            .drop_last = true,
                            .seed = seed() + (is_valid ? 0x5641u : 0x5452u),  // different orders for the two parts
                            .threads = kLoaderThreads});
  }

  std::uint64_t seed() const { return static_cast<std::uint64_t>(options_.count("seed")); }

  /// The first --score-size images of the architecture's part, as they are.
  nas::HeldOut held_out() const {
    std::vector<std::int64_t> indices = indices_of(true);
    indices.resize(static_cast<std::size_t>(held_out_size()));
    const data::DatasetPtr images = data::make_subset(splits_.train, std::move(indices));
    return [images, size = std::min(batch_size(), images->size()),
            dtype = precision_.maps](const std::function<nas::Score(const nas::Batch&)>& score) {
      return evaluate_dataset(images, size, dtype, score);
    };
  }

  nas::ImageSource images() const {
    return {.held_out = held_out_,
            .sample = [held_out = held_out_, dtype = precision_.weights](std::int64_t images, std::int64_t) {
              return nas::first_images(held_out, images, dtype);
            }};
  }

  /// Images at a time in a pass of held_out_. Never split: it is what batch norm takes its statistics of.
  std::int64_t evaluation_size() const { return std::min(batch_size(), held_out_size()); }
  std::int64_t held_out_size() const { return std::min(options_.count("score-size"), splits_.train->size() - cut()); }

  /// The weights' rate: a cosine over all steps.
  double lr() const {
    const double first = search_lr_of(options_);
    return Schedule{.kind = Schedule::Kind::kCosine,
                    .initial = first,
                    .final = std::min(first, options_.real("final-lr")),
                    .epochs = total_steps()}
        .at(step());
  }

  /// The next batch for the architecture, from an endless row of epochs of its own.
  nas::Batch next_valid() {
    auto batch = valid_->next();
    if (!batch)
      batch = valid_->next();
    return to_tensors(*batch, precision_.maps);
  }

  /// @return false if asked to stop
  bool train_epoch() {
    train_->start_at(at_.epoch, at_.batch);
    valid_->start_at(step() / valid_->batches_per_epoch(), step() % valid_->batches_per_epoch());
    double waited = train_->wait_seconds() + valid_->wait_seconds();
    while (const auto batch = train_->next()) {
      const nas::StepPlace place{
          .number = static_cast<std::uint64_t>(step()), .total = static_cast<std::uint64_t>(total_steps()), .lr = lr()};
      const nas::Batch valid = next_valid();
      const nas::Score score = method_->step(to_tensors(*batch, precision_.maps), valid, place);
      ++at_.batch;
      const double wait = train_->wait_seconds() + valid_->wait_seconds() - waited;
      waited += wait;
      progress_->advance(
          score.count, wait,
          concat("epoch ", at_.epoch + 1, ", loss ", format_real(std::round(score.mean_loss() * 1e4) / 1e4)));
      log_step(score, place);
      if (stop_requested())
        return false;
      if (step() % options_.count("save-every") == 0)
        save();
    }
    return true;
  }

  void log_step(const nas::Score& score, const nas::StepPlace& place) {
    session_.folder().metrics().append(
        training_line({{"phase", "search"}, {"epoch", at_.epoch}, {"step", step()}, {"split", "train"}}, score,
                      place.lr, progress_->pace()));
  }

  nas::Score score_held_out() {
    return held_out_([this](const nas::Batch& batch) { return method_->evaluate(batch); });
  }

  void finish_epoch() {
    const nas::Score score = score_held_out();
    at_.valid_accuracy = score.accuracy();
    const std::string cell = method_->derive();
    Json line{{"phase", "search"},
              {"epoch", at_.epoch},
              {"step", step()},
              {"split", "valid"},
              {"loss", score.mean_loss()},
              {"top1", score.accuracy()},
              {"cell", cell},
              {"skips", space_->facts(cell).skips}};
    for (const nas::Figure& figure : method_->figures())
      line[figure.name] = figure.value;
    if (options_.count("eigenvalue-size") > 0 && method_->relaxed() != nullptr)
      line["eigenvalue"] = eigenvalue();
    line.update(truth_of(table_, cell));
    session_.folder().metrics().append(line);
  }

  /// Zela et al. 2020 stop a search where the eigenvalue has grown by a third within five epochs; here it is said.
  double eigenvalue() {
    data::Loader loader(
        data::make_subset(splits_.train, indices_of(true)), evaluation_transform(*splits_.train),
        {.batch_size = std::min(options_.count("eigenvalue-size"), static_cast<std::int64_t>(indices_of(true).size())),
         .seed = seed(),
         .threads = 0});
    const nas::Batch batch = to_tensors(*loader.next(), precision_.maps);
    const double value = nas::largest_architecture_eigenvalue(*method_->relaxed(), batch, {.seed = seed()});
    std::vector<double>& row = at_.eigenvalues;
    if (std::isfinite(value))
      row.push_back(value);
    if (!std::isfinite(value) || row.size() <= Position::kBack)
      return value;
    if (row.size() > Position::kBack + 1)
      row.erase(row.begin());
    if (value * 0.75 > std::abs(row.front()))  // the largest by magnitude may have been negative
      session_.log().line(concat("warning: the largest eigenvalue of the architecture's Hessian grew from ",
                                 row.front(), " to ", value, " in ", Position::kBack,
                                 " epochs: a search about to collapse; see --skip-cap"));
    return value;
  }

  /// Random cells, each scored by the search network with the logits of that cell alone, against the table's test
  /// accuracy on the data set that was searched, or the nearest to it.
  Json rank_correlation() {
    const std::int64_t count = options_.count("rank-cells");
    const nas::SearchNetwork* network = method_->relaxed();
    if (count == 0 || network == nullptr)
      return nullptr;
    const auto column = options_.text("dataset") == "cifar100" ? nas::nasbench201::Column::kC100Test
                                                               : nas::nasbench201::Column::kC10Test;
    const nas::Restored restored(*network->module);
    const CellLogits logits(*network, *space_);
    std::vector<double> scores, truth;
    for (std::int64_t i = 0; i < count; ++i) {
      check_stop();
      const std::string cell = logits.put_random({seed(), Purpose::kProbe, static_cast<std::uint64_t>(i)});
      scores.push_back(score_held_out().accuracy());
      truth.push_back(table_->at(nas::nasbench201::parse_cell(cell))[column]);
    }
    return {{"cells", count},
            {"column", std::string(nas::nasbench201::kColumns[static_cast<std::size_t>(column)])},
            {"spearman", nas::spearman(scores, truth)},
            {"kendall", nas::kendall(scores, truth)}};
  }

  /// Puts logits into a search network that leave one option of each choice.
  class CellLogits {
   public:
    CellLogits(const nas::SearchNetwork& network, const nas::SearchSpace& space) : network_(network), space_(space) {}

    std::string put_random(const RandomKey& key) const {
      constexpr double kAlone = 1e6;  // times differences of normal numbers: a softmax of ones and zeros
      std::vector<double> numbers;
      for (Parameter* parameter : network_.architecture) {
        Tensor& value = parameter->value;
        visit_float(value.dtype(), "logits", [&]<class T>() {
          for (T& x : value.span<T>()) {
            numbers.push_back(normal(key, numbers.size()));
            x = static_cast<T>(kAlone * numbers.back());
          }
        });
      }
      return space_.derive(numbers);
    }

   private:
    const nas::SearchNetwork& network_;
    const nas::SearchSpace& space_;
  };

  Json network_json() const {
    return {{"kind", "search"},
            {"method", options_.text("method")},
            {"space", space_->name()},
            {"channels", options_.count("channels")},
            {"cells", options_.count("cells")}};
  }

  void save() { checkpoints_->save("last", {network_json(), at_.json(), method_->state()}); }

  void resume_from(const Checkpoint& last) {
    method_->load(last.tensors);
    at_ = Position::from(last.position);
    use_micro_batch(at_.micro_batch);
    session_.log().line(concat("resumed at step ", step()));
  }

  int stop() {
    save();
    session_.log().line(
        concat("stopped at step ", step(), "; continue with --resume ", session_.folder().path().string()));
    return kStopped;
  }

  void use_micro_batch(std::int64_t images) {
    at_.micro_batch = images;
    method_->set_micro_batch(images);
  }

  nas::Batch noise(std::int64_t images) const {
    const data::ImageShape shape = splits_.train->shape();
    return noise_batch(images, shape.channels, shape.height, precision_.maps);
  }

  std::vector<PlannedPass> other_passes() {
    std::vector<PlannedPass> passes{{&evaluation_, evaluation_size()}};
    if (method_->finish_images() > 0)
      passes.push_back({&finish_, std::min(method_->finish_images(), held_out_size())});
    return passes;
  }

  /// @param others images of the two batches of a step that wait meanwhile
  void rehearse_step(std::int64_t images, std::int64_t micro_batch, std::int64_t others) {
    method_->set_micro_batch(micro_batch);
    const Tensor waiting = noise(std::max<std::int64_t>(1, others)).images;
    const nas::Batch batch = noise(images);
    method_->step(batch, batch, {.number = 0, .total = 1'000'000, .lr = 1e-6});
  }

  int print_plan() {
    const Unlimited unlimited;
    const bool is_split = at_.micro_batch > 0 && at_.micro_batch < batch_size();
    const std::int64_t images = is_split ? at_.micro_batch : batch_size();
    PassPlan& plan = is_split ? split_step_ : whole_step_;
    const double seconds = plan.seconds(images) * (is_split ? static_cast<double>(batch_size() / images) / 2.0 : 1.0);
    std::vector<PlannedPass> passes = other_passes();
    passes.insert(passes.begin(), {&plan, images});
    std::cout << memory_table(passes);
    if (is_split)
      std::cout << micro_batch_line(batch_size(), images) << '\n';
    std::cout << time_lines(total_steps(), seconds);
    return kDone;
  }

  void publish() {
    const std::string cell = method_->derive();
    publish_method(session_, *space_, *method_, table_,
                   {.cell = cell,
                    .facts = space_->facts(cell),
                    .seconds = monotonic_seconds() - started_,
                    .valid_accuracy = at_.valid_accuracy,
                    .rank_correlation = rank_correlation()});
  }

  Session& session_;
  const Options& options_;
  Precision precision_;
  data::Splits splits_;
  std::unique_ptr<nas::SearchSpace> space_;
  std::optional<nas::nasbench201::Table> table_;
  std::unique_ptr<data::Loader> train_;
  std::unique_ptr<data::Loader> valid_;
  nas::HeldOut held_out_;
  std::unique_ptr<nas::SearchMethod> method_;
  PassPlan whole_step_{"step", [this](std::int64_t images) { rehearse_step(images, images, images); }};
  PassPlan split_step_{"step",
                       [this](std::int64_t images) { rehearse_step(2 * images, images, 2 * (batch_size() - images)); }};
  PassPlan finish_{"last pass", [this](std::int64_t images) { method_->rehearse_finish(noise(images)); }};
  PassPlan evaluation_{"evaluation", [this](std::int64_t images) { method_->evaluate(noise(images)); }};
  Checkpoints* checkpoints_ = nullptr;
  Progress* progress_ = nullptr;
  Position at_;
  double started_ = 0.0;
};

}  // namespace

int run_method(Session& session) {
  return run_within_limit<MethodRun>(session);
}

void check_method(Session& session) {
  const MethodRun built(session);
}

}  // namespace ockham::apps
