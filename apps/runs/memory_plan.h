#pragma once
// What a run will need of memory, from a rehearsal on a few images: the plan of --dry-run, and the micro-batch that
// --memory-limit allows.
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "apps/runs/inputs/precision.h"
#include "engine/allocator.h"
#include "engine/device_memory.h"
#include "nas/train/score.h"

namespace ockham::apps {

/// A pass of a run as a function of the images that it takes at once. What it holds at its peak is weights, gradients
/// and optimiser, which do not depend on them, and activations and scratch, which grow by as much with every image: so
/// up to 32 images are measured, and the line through 16 and 32 gives the rest.
class PassPlan {
 public:
  /// `run` does the pass once as the run will, on any number of images.
  /// @param device whose memory is planned
  PassPlan(std::string name, std::function<void(std::int64_t images)> run, Device device = {})
      : name_(std::move(name)), run_(std::move(run)), device_(device) {}

  const std::string& name() const { return name_; }
  Device device() const { return device_; }
  /// The allocator's bytes in use at the peak, by class.
  MemoryUse bytes(std::int64_t images);
  std::size_t peak(std::int64_t images);
  /// Time of one pass.
  double seconds(std::int64_t images);

 private:
  struct Rehearsal {
    MemoryUse bytes{};
    double seconds = 0.0;
  };
  const Rehearsal& rehearse(std::int64_t images);

  std::string name_;
  std::function<void(std::int64_t)> run_;
  Device device_;
  std::map<std::int64_t, Rehearsal> done_;
};

/// A pass at the size that the run has it.
struct PlannedPass {
  PassPlan* plan;
  std::int64_t images;
};

/// The largest of the passes' peaks.
std::size_t peak_of(const std::vector<PlannedPass>& passes);
/// A table of bytes by class and pass, then the predicted peak and where it comes from.
std::string memory_table(const std::vector<PlannedPass>& passes);

/// Does the pass keep within `limit`, with 5 % and 1 MiB to spare? A rehearsal that the allocator refuses does not.
bool fits(const PlannedPass& pass, std::size_t limit);

/// The most images at a time, of the divisors of `batch`, with which a step fits into `limit`, as the other passes
/// do. `whole` is a step of one piece, `split` one of several pieces of so many images.
/// @throws UsageError with the smallest limit that would do
std::int64_t fitting_micro_batch(std::size_t limit, std::int64_t batch, PassPlan& whole, PassPlan& split,
                                 const std::vector<PlannedPass>& others);

/// What the log says of it.
std::string micro_batch_line(std::int64_t batch, std::int64_t micro_batch);

/// The plan's last lines: steps, time of one, and of all with `rest` seconds of other work.
std::string time_lines(std::int64_t steps, double step_seconds, double rest = 0.0);

/// Noise in place of images, for rehearsals.
nas::Batch noise_batch(std::int64_t images, std::int64_t channels, std::int64_t size, const TensorForm& form);

/// While it lives the device's memory has no limit: a rehearsal finds out what is needed. Leaves no cached blocks
/// behind.
class Unlimited {
 public:
  explicit Unlimited(Device device) : device_(device), limit_(set_memory_limit(device, 0)) {}
  ~Unlimited() {
    drop_memory_cache(device_);
    set_memory_limit(device_, limit_);
  }
  Unlimited(const Unlimited&) = delete;
  Unlimited& operator=(const Unlimited&) = delete;

 private:
  Device device_;
  std::size_t limit_;
};

}  // namespace ockham::apps
