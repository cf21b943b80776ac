#pragma once
// Batches ahead of time. Worker threads decode, augment and stack images while the caller trains; what a batch holds
// follows from (seed, epoch, batch number) alone, never from the threads.
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <vector>

#include "data/augment.h"
#include "data/dataset.h"

namespace ockham::data {

/// Images ready for a network. Move it, don't assign it: assignment copies where memory resources differ.
struct Batch {
  std::pmr::vector<float> images;     ///< [n, channels, height, width]
  std::vector<std::int64_t> labels;   ///< [n]
  std::vector<std::int64_t> indices;  ///< [n]: which images of the data set
  std::int64_t n = 0;
  ImageShape shape;
};

struct LoaderOptions {
  std::int64_t batch_size = 64;
  bool shuffle = true;        ///< another order each epoch; else the data set's own
  bool drop_last = false;     ///< leave out a last batch that is not full
  std::uint64_t seed = 0;     ///< of order and augmentation
  int threads = 1;            ///< workers, all on the next batch; 0 makes each batch when it is asked for
  std::int64_t prefetch = 4;  ///< batches kept ready or in the making, at least 1
  /// Where images are allocated, e.g. pinned memory; workers use it at the same time, so it must be thread-safe
  /// (std::pmr::synchronized_pool_resource). Null: new and delete. Must outlive loader and batches.
  std::pmr::memory_resource* memory = nullptr;
};

/// Hands out the batches of one epoch after the other.
/// Not thread-safe itself: one caller. The destructor waits for the batches in the making.
class Loader {
 public:
  /// @throws std::invalid_argument for sizes below 1 or an epoch without any batch
  Loader(DatasetPtr dataset, const Transform& transform, const LoaderOptions& options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  [[nodiscard]] std::int64_t batches_per_epoch() const;

  /// The next batch; empty at the end of the epoch, after which the next call begins the following epoch.
  /// What a worker threw (a broken file) is thrown here in place of its batch, on every call until start_at(); of
  /// several images that of the first.
  std::optional<Batch> next();

  /// Goes to a batch, e.g. where an interrupted run stopped: what follows is what would have followed there.
  /// @throws std::out_of_range unless 0 <= epoch < 2^32 and 0 <= batch <= batches_per_epoch()
  void start_at(std::int64_t epoch, std::int64_t batch = 0);

  /// Where next() stands: epoch and number of its batches handed out so far.
  [[nodiscard]] std::int64_t epoch() const;
  [[nodiscard]] std::int64_t batch() const;

  /// Seconds that next() has waited for data in all.
  [[nodiscard]] double wait_seconds() const;

 private:
  class Pipeline;
  std::unique_ptr<Pipeline> pipeline_;
};

}  // namespace ockham::data
