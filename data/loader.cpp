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

/// CONVENTION: slots_ holds the batches from the next one to hand out, consecutive, at most `prefetch`, all of one
/// epoch. Workers take the first slot that none has taken, fill it without the lock, and mark it done. mutex_ guards
/// slots_ and the flags in them; the members after it belong to the caller's thread, those before it never change.
class Loader::Pipeline {
  /// One pass over the data in a fixed order.
  struct Epoch {
    std::int64_t number;
    std::vector<std::int64_t> order;
  };

  /// A batch asked for, in the making or done. Shared by queue and worker, so that start_at() can drop what it wants.
  struct Slot {
    Slot(std::shared_ptr<const Epoch> its_epoch, std::int64_t its_number)
        : epoch(std::move(its_epoch)), number(its_number) {}

    std::shared_ptr<const Epoch> epoch;
    std::int64_t number;  // of the batch
    bool taken = false, done = false;
    std::optional<Batch> batch;
    std::exception_ptr error;
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
    if (options_.threads == 0) {
      make(*slot);
      slot->done = true;
    }
    slot_done_.wait(lock, [&] { return slot->done; });
    wait_seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (slot->error)
      std::rethrow_exception(slot->error);
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
    while (std::ssize(slots_) < options_.prefetch && batch_ + std::ssize(slots_) < batches_per_epoch())
      slots_.push_back(std::make_shared<Slot>(epoch_, batch_ + std::ssize(slots_)));
    slot_free_.notify_all();
  }

  /// Needs the lock. Null if every slot is taken.
  std::shared_ptr<Slot> take_slot() {
    for (const std::shared_ptr<Slot>& slot : slots_) {
      if (!slot->taken) {
        slot->taken = true;
        return slot;
      }
    }
    return nullptr;
  }

  void work(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    std::shared_ptr<Slot> slot;
    while (slot_free_.wait(lock, stop, [&] { return (slot = take_slot()) != nullptr; })) {
      lock.unlock();
      make(*slot);
      lock.lock();
      slot->done = true;
      slot_done_.notify_all();
    }
  }

  /// Fills the slot with its batch or with the exception that making it threw.
  void make(Slot& slot) const {
    try {
      slot.batch.emplace(make_batch(*slot.epoch, slot.number));
    } catch (...) {
      slot.error = std::current_exception();
    }
  }

  [[nodiscard]] Batch make_batch(const Epoch& epoch, std::int64_t number) const {
    const ImageShape& shape = dataset_->shape();
    const auto pixels_per_image = static_cast<std::size_t>(shape.count());
    const std::int64_t begin = number * options_.batch_size;
    const std::int64_t end = std::min(begin + options_.batch_size, dataset_->size());
    Batch batch{std::pmr::vector<float>(static_cast<std::size_t>(end - begin) * pixels_per_image, memory()),
                {},
                {},
                end - begin,
                shape};
    std::vector<std::uint8_t> pixels(pixels_per_image);
    std::span<float> rest = batch.images;
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t index = epoch.order[static_cast<std::size_t>(i)];
      const AugmentAddress address{options_.seed, static_cast<std::uint32_t>(epoch.number),
                                   static_cast<std::uint32_t>(index)};
      if (transform_.takes_box) {
        Stream random(address.seed, Purpose::kCrop, address.epoch, address.image);
        dataset_->read_box(
            index, [&](const ImageShape& picture) { return draw_box(picture, random); }, shape.height, pixels);
      } else {
        dataset_->read(index, pixels);
      }
      augment(transform_, shape, address, pixels, rest.first(pixels_per_image));
      rest = rest.subspan(pixels_per_image);
      batch.labels.push_back(dataset_->label(index));
      batch.indices.push_back(index);
    }
    return batch;
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
