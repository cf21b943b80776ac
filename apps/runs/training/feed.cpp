#include "apps/runs/training/feed.h"

#include <utility>

#include "nas/train/step_result.h"

namespace ockham::apps {
namespace {

/// The next batch of an endless row of epochs.
data::Batch next_of(data::Loader& loader) {
  auto batch = loader.next();
  return batch ? std::move(*batch) : *loader.next();
}

}  // namespace

Feed::~Feed() {
  nas::while_waiting({});
}

std::optional<Feed::Batches> Feed::next() {
  if (!is_ahead_)
    fetch();
  if (error_)
    std::rethrow_exception(error_);
  is_ahead_ = false;
  std::optional<Batches> result = std::exchange(ahead_, std::nullopt);
  if (result && !maps_.device.is_cpu())
    nas::while_waiting([this] { fetch(); });
  return result;
}

void Feed::fetch() {
  is_ahead_ = true;
  try {
    const auto batch = stretch_.batches->next();
    if (!batch)
      return;
    ahead_.emplace();
    if (stretch_.companions != nullptr)
      ahead_->companion = to_tensors(next_of(*stretch_.companions), maps_);
    ahead_->batch = to_tensors(*batch, maps_);
  } catch (...) {  // comes to light where the batches are asked for: the step before is whole
    error_ = std::current_exception();
  }
}

}  // namespace ockham::apps
