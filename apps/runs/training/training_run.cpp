#include "apps/runs/training/training_run.h"

#include <algorithm>
#include <cmath>
#include <iostream>

#include "apps/cli/host.h"
#include "apps/cli/stop.h"
#include "apps/cli/text/format.h"
#include "apps/runs/folder/recorded_facts.h"
#include "apps/runs/gemm_rate.h"
#include "apps/runs/inputs/datasets.h"
#include "apps/runs/memory_plan.h"
#include "apps/runs/profile_report.h"
#include "apps/runs/training/rehearsal.h"
#include "engine/device_memory.h"
#include "nas/train/repeated_step.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

std::string rounded(double value) {
  return format_real(std::round(value * 1e4) / 1e4);
}

std::string percent(double share) {
  return format_percent(share) + " %";
}

double wait_seconds(const Stretch& stretch) {
  return stretch.batches->wait_seconds() + (stretch.companions != nullptr ? stretch.companions->wait_seconds() : 0.0);
}

/// The smaller one, where 0 stands for none.
std::int64_t smaller_part(std::int64_t a, std::int64_t b) {
  return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b);
}

/// Images at a time that --memory-limit allows; 0: there is none, or a checkpoint will tell.
std::int64_t micro_batch_for(const RunSettings& settings, const MakeTrainee& make) {
  if (!settings.compute.memory_limit || resumes_from_checkpoint(settings.folder.resume))
    return 0;
  std::optional<Unlimited> unlimited(chosen_device(settings.compute));  // what is needed at least counts in the refusal
  const std::unique_ptr<Trainee> trainee = make();
  Rehearsal rehearsal(*trainee, maps_of(settings.compute));
  unlimited.reset();
  return rehearsal.fitting_micro_batch(*settings.compute.memory_limit);
}

}  // namespace

int run_training(Session& session, const RunSettings& settings, const MakeTrainee& make) {
  const Device device = chosen_device(settings.compute);
  // A plan measures steps of many sizes; a profile sees the ops of a step only while the host asks for them; and a
  // recorded step keeps its memory while other passes run, which a limit may not allow.
  nas::set_step_recording(settings.graph && !settings.folder.dry_run && !settings.profile &&
                          !settings.compute.memory_limit);
  const std::int64_t micro_batch = micro_batch_for(settings, make);
  drop_memory_cache(device);  // what a rehearsal left is not the run's
  return run_profiled(session, settings.profile, [&]() -> int {
    const std::unique_ptr<Trainee> trainee = make();
    const std::int64_t part = smaller_part(micro_batch, trainee->part_size());
    if (!settings.folder.dry_run)
      return TrainingRun(session, settings, *trainee, part).run();
    const Unlimited unlimited(device);
    std::cout << Rehearsal(*trainee, maps_of(settings.compute)).plan(part);
    return kDone;
  });
}

TrainingRun::TrainingRun(Session& session, const RunSettings& settings, Trainee& trainee, std::int64_t micro_batch)
    : session_(session),
      settings_(settings),
      trainee_(trainee),
      stretches_(trainee.stretches()),
      maps_(maps_of(settings.compute)),
      checkpoints_(session.folder()),
      started_(monotonic_seconds()),
      saved_(started_) {
  at_.micro_batch = micro_batch;
}

int TrainingRun::run() {
  if (!maps_.device.is_cpu())
    session_.log().line(concat("device ", text_of(maps_.device)));
  if (!maps_.device.is_cpu() && settings_.profile)
    session_.log().line("--profile: times are those of the host, which asks the device for work and does not wait");
  if (!maps_.device.is_cpu() && settings_.compute.memory_limit && settings_.graph)
    session_.log().line("--memory-limit: steps run one launch at a time, as a recorded step keeps its memory");
  log_data(trainee_.data(), session_.log());
  if (!begin())
    return kDone;
  try {
    if (at_.stretch < stretches_.size())
      train_stretches();
    trainee_.publish({.seconds = monotonic_seconds() - started_,
                      .images = images_,
                      .train_loss = at_.train_loss,
                      .valid_accuracy = at_.valid_accuracy});
  } catch (const Interrupted&) {
    session_.log().line(concat("stopped at step ", at_.step));
    return kStopped;
  }
  if (trainee_.keeps_results() && at_.stretch < stretches_.size())
    go_to_stretch(stretches_.size());
  return kDone;
}

bool TrainingRun::begin() {
  const std::optional<Checkpoint> last = checkpoints_.resume();
  if (last) {
    read_from(*last, [&] {
      at_ = Position::of(*last);
      require_place(*last);
      trainee_.load(last->tensors);
    });
  }
  if (session_.folder().resumed())
    session_.folder().record(session_.options());
  if (last) {
    const bool is_trained =
        at_.stretch == stretches_.size() ||
        (!trainee_.keeps_results() && at_.stretch + 1 == stretches_.size() && at_.epoch == stretch().epochs);
    if (is_trained && repeat_results(session_))
      return false;
    session_.log().line(concat("resumed at step ", at_.step));
  } else {
    session_.folder().describe("data", data_facts(trainee_.data()));
    trainee_.begin(session_.folder());
  }
  if (settings_.tensorboard)
    session_.folder().metrics().write_events();
  trainee_.set_micro_batch(at_.micro_batch);
  if (at_.micro_batch > 0 && at_.micro_batch < trainee_.batch_size() && at_.micro_batch != trainee_.part_size())
    session_.log().line(micro_batch_line(trainee_.batch_size(), at_.micro_batch));
  return true;
}

void TrainingRun::require_place(const Checkpoint& checkpoint) const {
  const bool is_finished = at_.stretch == stretches_.size() && at_.epoch == 0 && at_.batch == 0;
  const bool is_between = at_.stretch < stretches_.size() && at_.epoch <= stretch().epochs &&
                          at_.batch <= (at_.epoch < stretch().epochs ? stretch().batches->batches_per_epoch() : 0);
  if (!is_finished && !is_between)
    throw CheckpointError(concat("checkpoint: its position ", checkpoint.position.dump(),
                                 " is none of this run; the file is damaged or of other settings."));
}

void TrainingRun::train_stretches() {
  progress_.emplace(session_.log(), session_.app(), steps_of_run(trainee_), at_.step);
  if (const std::int64_t macs = maps_.device.is_cpu() ? trainee_.step_macs() : 0; macs > 0)
    progress_->set_peak(measure_gemm_rate() / (2.0 * static_cast<double>(macs)));
  while (true) {
    trainee_.begin_stretch(at_.stretch);
    while (at_.epoch < stretch().epochs) {
      train_epoch();
      end_epoch();
    }
    if (stretch().epochs == 0)
      save("last");  // as every epoch's end does
    const bool is_last = at_.stretch + 1 == stretches_.size();
    if (is_last)
      progress_->finish();
    if (const auto validation = trainee_.end_stretch(at_.stretch, check_stop))
      take(*validation);
    if (is_last)
      return;
    if (trainee_.ends_early()) {
      progress_->finish();
      return;
    }
    go_to_stretch(at_.stretch + 1);
  }
}

void TrainingRun::train_epoch() {
  data::Loader& loader = *stretch().batches;
  loader.start_at(stretch().first_epoch + at_.epoch, at_.batch);
  if (data::Loader* others = stretch().companions; others != nullptr)
    others->start_at(place().step / others->batches_per_epoch(), place().step % others->batches_per_epoch());
  waited_ = wait_seconds(stretch());
  Feed feed(stretch(), maps_);
  while (const auto batches = feed.next()) {
    train_step(*batches);
    if (stop_requested()) {
      save("last");
      throw Interrupted{};
    }
    if (is_time_to_save())
      save("last");
  }
}

void TrainingRun::train_step(const Feed::Batches& batches) {
  const Place at = place();
  const double lr = trainee_.learning_rate(at);
  const nas::Score score = trainee_.step(batches.batch, batches.companion, at, lr);
  at_.epoch_score.add(score);
  images_ += score.count;
  ++at_.batch;
  ++at_.step;
  const double wait = wait_seconds(stretch()) - waited_;
  waited_ += wait;
  progress_->advance(score.count, wait, concat(epoch_name(), ", loss ", rounded(score.mean_loss())));
  if (trainee_.logs_steps())
    log_score("train", score, lr, Json::object());
}

void TrainingRun::end_epoch() {
  at_.train_loss = at_.epoch_score.mean_loss();
  if (!trainee_.logs_steps())
    log_score("train", at_.epoch_score, last_rate(), Json::object());
  std::string line = concat(epoch_name(), ": train loss ", rounded(at_.train_loss), ", train accuracy ",
                            percent(at_.epoch_score.accuracy()));
  bool is_best = false;
  if (const auto validation = trainee_.validate()) {
    is_best = take(*validation) && trainee_.keeps_best();
    line += concat(", validation accuracy ", percent(at_.valid_accuracy));
  }
  session_.log().line(line);
  ++at_.epoch;
  at_.batch = 0;
  at_.epoch_score = {};
  if (is_best)
    save("best");  // before "last": a run resumed from an earlier one finds the same best again
  if (settings_.keep_every > 0 && epochs_done() % settings_.keep_every == 0)
    save(concat("epoch-", epochs_done()));
  if (epochs_done() % settings_.save_every_epochs == 0 || at_.epoch == stretch().epochs)
    save("last");
}

bool TrainingRun::take(const Validation& validation) {
  if (validation.score.count > 0)
    at_.valid_accuracy = validation.score.accuracy();
  const bool is_best = at_.valid_accuracy > at_.best_accuracy;
  at_.best_accuracy = std::max(at_.best_accuracy, at_.valid_accuracy);
  log_score("valid", validation.score, last_rate(), validation.facts);
  return is_best;
}

double TrainingRun::last_rate() const {
  Place last_step = place();
  --last_step.step, --last_step.run_step;
  return trainee_.learning_rate(last_step);
}

void TrainingRun::go_to_stretch(std::size_t number) {
  at_.stretch = number;
  at_.epoch = 0;
  save("last");
}

Place TrainingRun::place() const {
  std::int64_t before = 0;
  for (std::size_t s = 0; s < at_.stretch; ++s)
    before += stretches_[s].steps();
  return {.stretch = at_.stretch,
          .epoch = at_.epoch,
          .step = at_.step - before,
          .steps = stretch().steps(),
          .run_step = at_.step,
          .run_steps = steps_of_run(trainee_)};
}

std::string TrainingRun::epoch_name() const {
  return concat(stretches_.size() > 1 ? stretch().name + ", " : std::string(), "epoch ", at_.epoch + 1, "/",
                stretch().epochs);
}

void TrainingRun::log_score(const char* split, const nas::Score& score, double lr, const Json& facts) {
  Json line{{"phase", stretch().name},
            {"epoch", at_.epoch},
            {"step", at_.step},
            {"split", split},
            {"loss", score.mean_loss()},
            {"top1", score.accuracy()},
            {"top5", score.accuracy5()},
            {"lr", lr},
            {"img_s", progress_->pace().images_per_second()},
            {"data_wait", progress_->pace().data_wait()},
            {"mem_mb", memory_statistics(maps_.device).peak_bytes / 1000000}};
  line.update(facts);
  session_.folder().metrics().append(line);
}

/// With what its images are normalised by, so that a checkpoint alone can be tested.
Json TrainingRun::network() const {
  const data::Dataset& images = *trainee_.data().train;
  Json network = trainee_.network();
  network["normalisation"] = facts_of(images.normalisation(), images.shape().channels);
  return network;
}

void TrainingRun::save(const std::string& name) {
  checkpoints_.save(name, at_.checkpoint(network(), trainee_.state()));
  if (name == "last")
    saved_ = monotonic_seconds();
}

bool TrainingRun::is_time_to_save() const {
  const std::int64_t steps = settings_.save_every;
  const double minutes = settings_.save_every_minutes;
  return (steps > 0 && at_.step % steps == 0) || (minutes > 0.0 && monotonic_seconds() >= saved_ + 60.0 * minutes);
}

std::int64_t TrainingRun::epochs_done() const {
  std::int64_t epochs = at_.epoch;
  for (std::size_t s = 0; s < at_.stretch; ++s)
    epochs += stretches_[s].epochs;
  return epochs;
}

}  // namespace ockham::apps
