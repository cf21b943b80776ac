#include "apps/runs/training/training_line.h"

#include "engine/allocator.h"

namespace ockham::apps {

nlohmann::ordered_json training_line(nlohmann::ordered_json place, const nas::Score& score, double lr,
                                     const Pace& pace) {
  place["loss"] = score.mean_loss();
  place["top1"] = score.accuracy();
  place["top5"] = score.accuracy5();
  place["lr"] = lr;
  place["img_s"] = pace.images_per_second();
  place["data_wait"] = pace.data_wait();
  place["mem_mb"] = CachingAllocator::instance().statistics().peak_bytes / 1000000;
  return place;
}

}  // namespace ockham::apps
