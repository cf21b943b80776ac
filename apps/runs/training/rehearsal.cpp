#include "apps/runs/training/rehearsal.h"

#include <algorithm>

namespace ockham::apps {
namespace {

constexpr double kTinyRate = 1e-6;  ///< noise must not make the weights diverge
constexpr std::int64_t kLong = 1'000'000;

nas::Batch noise(const Trainee& trainee, std::int64_t images, const TensorForm& form) {
  const data::ImageShape shape = trainee.data().train->shape();
  return noise_batch(images, shape.channels, shape.height, form);
}

}  // namespace

Rehearsal::Rehearsal(Trainee& trainee, const TensorForm& maps) : trainee_(trainee), maps_(maps) {
  for (std::size_t s = 0; s < trainee.stretches().size(); ++s)
    trainee.begin_stretch(s);
}

void Rehearsal::step(std::int64_t images) {
  const std::size_t stretch = trainee_.largest_stretch();
  const bool has_companion = trainee_.stretches().at(stretch).companions != nullptr;
  const nas::Batch batch = noise(trainee_, images, maps_);
  // Far from its end, so that whatever comes by parts of a run is there.
  trainee_.step(batch, has_companion ? batch : nas::Batch{},
                {.stretch = stretch, .steps = kLong, .run_steps = kLong, .is_rehearsal = true}, kTinyRate);
  has_gradients_ = true;
}

std::int64_t Rehearsal::waiting_batches() const {
  const bool has_companion = trainee_.stretches().at(trainee_.largest_stretch()).companions != nullptr;
  const std::int64_t of_step = has_companion ? 2 : 1;
  return (maps_.device.is_cpu() ? of_step : 2 * of_step) - 1;
}

void Rehearsal::whole_step(std::int64_t images) {
  trainee_.set_micro_batch(images);
  Tensor waiting;  // the batch stands for its companion
  if (const std::int64_t batches = waiting_batches(); batches > 0)
    waiting = noise(trainee_, batches * images, maps_).images;
  step(images);
}

/// In two parts: so many need as much as any number.
void Rehearsal::split_step(std::int64_t images) {
  trainee_.set_micro_batch(images);
  const std::int64_t all = (1 + waiting_batches()) * trainee_.batch_size();
  const Tensor waiting = noise(trainee_, std::max<std::int64_t>(1, all - 2 * images), maps_).images;
  step(2 * images);
}

/// In the run they stay from the last step.
void Rehearsal::have_gradients() {
  if (!has_gradients_)
    whole_step(1);
}

std::deque<Rehearsal::Planned> Rehearsal::other_passes() {
  std::deque<Planned> passes;
  for (const Pass& pass : trainee_.passes())
    passes.push_back({.plan = PassPlan(
                          pass.name,
                          [this, rehearse = pass.rehearse](std::int64_t images) {
                            have_gradients();
                            rehearse(images);
                          },
                          maps_.device),
                      .images = pass.images,
                      .follows_micro_batch = pass.follows_micro_batch});
  return passes;
}

std::int64_t Rehearsal::fitting_micro_batch(std::size_t limit) {
  std::deque<Planned> passes = other_passes();
  std::vector<PlannedPass> fixed;
  for (Planned& pass : passes) {
    if (!pass.follows_micro_batch)
      fixed.push_back({&pass.plan, pass.images});
  }
  return apps::fitting_micro_batch(limit, trainee_.batch_size(), whole_, split_, fixed);
}

std::string Rehearsal::plan(std::int64_t micro_batch) {
  trainee_.set_micro_batch(micro_batch);
  const std::int64_t batch = trainee_.batch_size();
  const bool is_split = micro_batch > 0 && micro_batch < batch;
  const std::int64_t images = is_split ? micro_batch : batch;
  std::deque<Planned> others = other_passes();
  std::vector<PlannedPass> passes{{is_split ? &split_ : &whole_, images}};
  for (Planned& pass : others)
    passes.push_back({&pass.plan, pass.images});
  std::string text = trainee_.size_lines() + memory_table(passes);
  const double parts = is_split ? static_cast<double>(batch / images) / 2.0 : 1.0;  // a rehearsed split step has two
  const double step_seconds = passes.front().plan->seconds(images) * parts;
  if (is_split && micro_batch != trainee_.part_size())
    text += micro_batch_line(batch, images) + '\n';
  double rest = 0.0;
  for (std::size_t i = 0; i < others.size(); ++i) {
    if (const double times = trainee_.repeats_after_training(i); times > 0.0)
      rest += times * others[i].plan.seconds(others[i].images);
  }
  return text + time_lines(steps_of_run(trainee_), step_seconds, rest);
}

}  // namespace ockham::apps
