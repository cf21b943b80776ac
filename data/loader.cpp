#include "data/loader.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <limits>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "data/resized_crop.h"
#include "data/subset.h"

namespace ockham::data {
namespace {

void check(const LoaderOptions& o) {
  if (o.batch_size < 1 || o.threads < 0 || o.prefetch < 1)
    throw std::invalid_argument("loader: batch size " + std::to_string(o.batch_size) + ", " +
                                std::to_string(o.threads) + " threads, " + std::to_string(o.prefetch) +
                                " batches ahead; batch size and batches ahead are at least 1, threads at least 0.");
}

}  // namespace

constexpr std::int64_t kImagesATurn = 8;  // of a worker: few, so that a batch of pictures is made by all of them

/// CONVENTION: slots_ holds the batches from the next one to hand out, consecutive, at most `prefetch`, all of one
/// epoch. Workers take the first images that none has taken, put them in their places of the batch without the lock,
/// and count them as done. mutex_ guards slots_ and the counts in them; the members after it belong to the caller's
/// thread, those before it never change.
class Loader::Pipeline {
  /// One pass over the data in a fixed order.
  struct Epoch {
    std::int64_t number;
    std::vector<std::int64_t> order;
  };

  /// What went wrong with an image of a batch.
  struct Fault {
    std::int64_t image;
    std::exception_ptr error;
  };

  /// A batch asked for, in the making or done. Shared by queue and workers, so that start_at() can drop what it wants.
  struct Slot {
    Slot(std::shared_ptr<const Epoch> its_epoch, std::int64_t its_begin, std::int64_t its_images)
        : epoch(std::move(its_epoch)), begin(its_begin), images(its_images) {}

    std::shared_ptr<const Epoch> epoch;
    std::int64_t begin, images;  // of the epoch's order
    std::int64_t taken = 0, done = 0;
    std::mutex allocation;  // of the batch, by whoever comes first
    std::optional<Batch> batch;
    std::optional<Fault> fault;  // of the first image that has one
  };

  /// Images of a batch that one worker makes.
  struct Turn {
    std::shared_ptr<Slot> slot;
    std::int64_t begin, end;
  };

 public:
  Pipeline(DatasetPtr dataset, const Transform& transform, const LoaderOptions& options)
      : dataset_(std::move(dataset)), transform_(transform), options_(options) {
    check(options);
    if (batches_per_epoch() < 1)
      throw std::invalid_argument("loader: no full batch of " + std::to_string(options.batch_size) + " in " +
                                  std::to_string(dataset_->size()) +
                                  " images and drop_last is set; take a smaller batch or keep the last one.");
    start_at(0, 0);
    for (int i = 0; i < options.threads; ++i)
      workers_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }

  ~Pipeline() {
    for (std::jthread& worker : workers_)
      worker.request_stop();
  }

  [[nodiscard]] std::int64_t batches_per_epoch() const {
    const std::int64_t full = dataset_->size() / options_.batch_size;
    return full + (!options_.drop_last && dataset_->size() % options_.batch_size != 0 ? 1 : 0);
  }

  void start_at(std::int64_t epoch, std::int64_t batch) {
    if (epoch < 0 || epoch > std::numeric_limits<std::uint32_t>::max() || batch < 0 || batch > batches_per_epoch())
      throw std::out_of_range("loader: cannot start at epoch " + std::to_string(epoch) + ", batch " +
                              std::to_string(batch) + "; an epoch has " + std::to_string(batches_per_epoch()) +
                              " batches.");
    auto begun = std::make_shared<const Epoch>(Epoch{epoch, order_of(epoch)});
    const std::lock_guard lock(mutex_);
    epoch_ = std::move(begun);
    batch_ = batch;
    slots_.clear();
    fill_queue();
  }

  std::optional<Batch> next() {
    const auto begin = std::chrono::steady_clock::now();
    std::unique_lock lock(mutex_);
    if (batch_ == batches_per_epoch()) {
      const std::int64_t following = epoch_->number + 1;
      lock.unlock();
      start_at(following, 0);
      return std::nullopt;
    }
    const std::shared_ptr<Slot> slot = slots_.front();
    while (options_.threads == 0 && slot->taken < slot->images) {
      const std::optional<Turn> turn = take_turn();
      finish(*turn, make(*turn));
    }
    slot_done_.wait(lock, [&] { return slot->done == slot->images; });
    wait_seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (slot->fault)
      std::rethrow_exception(slot->fault->error);
    slots_.pop_front();
    ++batch_;
    fill_queue();
    return std::move(slot->batch);
  }

  [[nodiscard]] std::int64_t epoch() const { return epoch_->number; }
  [[nodiscard]] std::int64_t batch() const { return batch_; }
  [[nodiscard]] double wait_seconds() const { return wait_seconds_; }

 private:
  [[nodiscard]] std::vector<std::int64_t> order_of(std::int64_t epoch) const {
    if (options_.shuffle)
      return permutation(dataset_->size(), options_.seed, Purpose::kEpochOrder, static_cast<std::uint32_t>(epoch));
    std::vector<std::int64_t> order(static_cast<std::size_t>(dataset_->size()));
    std::iota(order.begin(), order.end(), 0);
    return order;
  }

  /// Needs the lock.
  void fill_queue() {
    while (std::ssize(slots_) < options_.prefetch && batch_ + std::ssize(slots_) < batches_per_epoch()) {
      const std::int64_t begin = (batch_ + std::ssize(slots_)) * options_.batch_size;
      slots_.push_back(std::make_shared<Slot>(epoch_, begin, std::min(options_.batch_size, dataset_->size() - begin)));
    }
    slot_free_.notify_all();
  }

  /// Needs the lock. Nothing if every image is taken.
  std::optional<Turn> take_turn() {
    for (const std::shared_ptr<Slot>& slot : slots_) {
      if (slot->taken < slot->images) {
        const std::int64_t begin = slot->taken;
        slot->taken = std::min(begin + kImagesATurn, slot->images);
        return Turn{slot, begin, slot->taken};
      }
    }
    return std::nullopt;
  }

  void work(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    std::optional<Turn> turn;
    while (slot_free_.wait(lock, stop, [&] { return (turn = take_turn()).has_value(); })) {
      lock.unlock();
      std::optional<Fault> fault = make(*turn);
      lock.lock();
      finish(*turn, std::move(fault));
      turn.reset();
    }
  }

  /// Needs the lock.
  void finish(const Turn& turn, std::optional<Fault> fault) {
    Slot& slot = *turn.slot;
    if (fault && (!slot.fault || fault->image < slot.fault->image))
      slot.fault = std::move(fault);
    slot.done += turn.end - turn.begin;
    if (slot.done == slot.images)
      slot_done_.notify_all();
  }

  /// Makes images up to the first that throws.
  [[nodiscard]] std::optional<Fault> make(const Turn& turn) const {
    std::int64_t image = turn.begin;
    try {
      allocate(*turn.slot);
      std::vector<std::uint8_t> pixels(static_cast<std::size_t>(dataset_->shape().count()));
      for (; image < turn.end; ++image)
        make_image(*turn.slot, image, pixels);
      return std::nullopt;
    } catch (...) {
      return Fault{image, std::current_exception()};
    }
  }

  /// Without std::call_once: where memory has ended, glibc aborts the program when an exception passes through that
  /// (the C frame makes it load libgcc).
  void allocate(Slot& slot) const {
    const std::lock_guard lock(slot.allocation);
    if (!slot.batch)
      slot.batch.emplace(allocated(slot.images));
  }

  [[nodiscard]] Batch allocated(std::int64_t images) const {
    const auto count = static_cast<std::size_t>(images);
    const ImageShape& shape = dataset_->shape();
    return {std::pmr::vector<float>(count * static_cast<std::size_t>(shape.count()), memory()),
            std::vector<std::int64_t>(count), std::vector<std::int64_t>(count), images, shape};
  }

  /// @param pixels for the stored image
  void make_image(Slot& slot, std::int64_t image, std::span<std::uint8_t> pixels) const {
    const ImageShape& shape = dataset_->shape();
    const std::int64_t index = slot.epoch->order[static_cast<std::size_t>(slot.begin + image)];
    const AugmentAddress address{options_.seed, static_cast<std::uint32_t>(slot.epoch->number),
                                 static_cast<std::uint32_t>(index)};
    if (transform_.takes_box) {
      Stream random(address.seed, Purpose::kCrop, address.epoch, address.image);
      dataset_->read_box(
          index, [&](const ImageShape& picture) { return draw_box(picture, random); }, shape.height, pixels);
    } else {
      dataset_->read(index, pixels);
    }
    const auto at = static_cast<std::size_t>(image), count = pixels.size();
    augment(transform_, shape, address, pixels, std::span(slot.batch->images).subspan(at * count, count));
    slot.batch->labels[at] = dataset_->label(index);
    slot.batch->indices[at] = index;
  }

  [[nodiscard]] std::pmr::memory_resource* memory() const {
    return options_.memory != nullptr ? options_.memory : std::pmr::new_delete_resource();
  }

  const DatasetPtr dataset_;
  const Transform transform_;
  const LoaderOptions options_;

  std::mutex mutex_;
  std::condition_variable_any slot_free_;
  std::condition_variable slot_done_;
  std::deque<std::shared_ptr<Slot>> slots_;
  std::shared_ptr<const Epoch> epoch_;
  std::int64_t batch_ = 0;  // next to hand out
  double wait_seconds_ = 0;
  std::vector<std::jthread> workers_;  // last: they end before what they use
};

Loader::Loader(DatasetPtr dataset, const Transform& transform, const LoaderOptions& options)
    : pipeline_(std::make_unique<Pipeline>(std::move(dataset), transform, options)) {}
Loader::~Loader() = default;

std::int64_t Loader::batches_per_epoch() const {
  return pipeline_->batches_per_epoch();
}
std::optional<Batch> Loader::next() {
  return pipeline_->next();
}
void Loader::start_at(std::int64_t epoch, std::int64_t batch) {
  pipeline_->start_at(epoch, batch);
}
std::int64_t Loader::epoch() const {
  return pipeline_->epoch();
}
std::int64_t Loader::batch() const {
  return pipeline_->batch();
}
double Loader::wait_seconds() const {
  return pipeline_->wait_seconds();
}

}  // namespace ockham::data
