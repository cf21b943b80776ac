#include "nas/train/repeated_step.h"

#include <algorithm>

#include "engine/log.h"
#include "engine/math.h"

namespace ockham::nas {
namespace {

constexpr int kEagerSteps = 2;

bool is_recording_wanted = true;

std::vector<const std::byte*> places_of(const std::vector<Parameter*>& state) {
  std::vector<const std::byte*> places;
  for (const Parameter* parameter : state)
    places.push_back(parameter->value.device_bytes());
  return places;
}

}  // namespace

void set_step_recording(bool is_wanted) {
  is_recording_wanted = is_wanted;
}

StepResult RepeatedStep::run(const Batch& batch, const Work& work) {
  if (recorded_ && places_of(state_) != places_)
    forget();  // a tensor was put in another's place
  if (recorded_)
    return matches(batch) ? replay(batch) : work(batch);
  if (is_recording_wanted && !cannot_ && steps_ >= kEagerSteps && !batch.images.device().is_cpu())
    record(batch, work);
  if (recorded_)
    return replay(batch);
  ++steps_;
  return work(batch);
}

void RepeatedStep::forget() {
  recorded_.reset();
  result_ = {};
  grads_.clear();
  steps_ = 0;
}

bool RepeatedStep::matches(const Batch& batch) const {
  return batch.images.spec() == input_.images.spec();
}

void RepeatedStep::record(const Batch& batch, const Work& work) {
  const Device device = batch.images.device();
  input_ = {.images = batch.images.clone(), .labels = batch.labels.clone()};
  try {
    recorded_ = backend_of(device).record(device.index, [&] {
      result_ = work(input_);
      result_.gather();
    });
  } catch (const Error& e) {  // an op that runs on the host, for one
    cannot_ = true;
    result_ = {};
    log_text(LogLevel::kWarning, device, ": steps are not recorded but run one launch at a time: ", e.what());
    return;
  }
  places_ = places_of(state_);
  for (const Parameter* parameter : state_)
    grads_.push_back(parameter->grad);
  log_text(LogLevel::kInfo, device, ": recorded a step of ", batch.images.size(0), " images: ", recorded_->tasks(),
           " tasks in ", recorded_->launches(), " launches, ", recorded_->bytes(), " bytes");
}

StepResult RepeatedStep::replay(const Batch& batch) {
  copy(batch.images, input_.images);
  copy(batch.labels, input_.labels);
  recorded_->run();
  for (std::size_t i = 0; i < state_.size(); ++i)
    state_[i]->grad = grads_[i];
  return result_;
}

}  // namespace ockham::nas
