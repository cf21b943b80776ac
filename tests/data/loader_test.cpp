#include "data/loader.h"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <set>
#include <thread>

#include "data/error.h"
#include "data/folder.h"
#include "data/shapes.h"
#include "tests/data/samples.h"
#include "tests/support.h"

using namespace ockham::data;
using namespace ockham::test;

namespace {

const Transform kTransform{.normalisation = {}, .pad = 4, .flip = true, .cutout = 16};

DatasetPtr small_set(std::int64_t size = 50) {
  return open_shapes(Split::kTrain, {.train_size = size});
}

struct Content {
  std::vector<float> images;
  std::vector<std::int64_t> labels, indices;
  bool operator==(const Content&) const = default;
};

Content content(const Batch& batch) {
  return {{batch.images.begin(), batch.images.end()}, batch.labels, batch.indices};
}

/// The next `count` batches, without the marks between epochs.
std::vector<Content> take(Loader& loader, int count) {
  std::vector<Content> batches;
  while (std::ssize(batches) < count) {
    if (const std::optional<Batch> batch = loader.next())
      batches.push_back(content(*batch));
  }
  return batches;
}

std::vector<std::int64_t> indices_of_epoch(Loader& loader) {
  std::vector<std::int64_t> indices;
  while (const std::optional<Batch> batch = loader.next())
    indices.insert(indices.end(), batch->indices.begin(), batch->indices.end());
  return indices;
}

/// Images of which number `broken` cannot be read; counts reads.
class Fragile : public Dataset {
 public:
  Fragile(std::int64_t size, std::int64_t broken) : Dataset({"fragile", {"only"}, {1, 1, 1}, size}), broken_(broken) {}
  std::string digest() const override { return ""; }
  mutable std::atomic<std::int64_t> reads{0};

 private:
  int label_at(std::int64_t) const override { return 0; }
  void read_at(std::int64_t index, std::span<std::uint8_t> pixels) const override {
    ++reads;
    if (index == broken_)
      throw DataError("image " + std::to_string(index) + " is broken");
    pixels[0] = 1;
  }

  std::int64_t broken_;
};

class CountingMemory : public std::pmr::memory_resource {
 public:
  std::atomic<std::int64_t> bytes{0}, live{0};

 private:
  void* do_allocate(std::size_t size, std::size_t alignment) override {
    bytes += static_cast<std::int64_t>(size);
    live += static_cast<std::int64_t>(size);
    return std::pmr::new_delete_resource()->allocate(size, alignment);
  }
  void do_deallocate(void* pointer, std::size_t size, std::size_t alignment) override {
    live -= static_cast<std::int64_t>(size);
    std::pmr::new_delete_resource()->deallocate(pointer, size, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(loader)

BOOST_AUTO_TEST_CASE(bytes_and_order_do_not_depend_on_threads_or_prefetch) {
  Loader alone(small_set(), kTransform, {.batch_size = 16, .seed = 3, .threads = 0});
  const std::vector<Content> expected = take(alone, 10);
  for (int threads : {1, 2, 5}) {
    for (std::int64_t prefetch : {1, 3}) {
      Loader loader(small_set(), kTransform, {.batch_size = 16, .seed = 3, .threads = threads, .prefetch = prefetch});
      BOOST_TEST((take(loader, 10) == expected));
    }
  }
}

BOOST_AUTO_TEST_CASE(an_epoch_holds_every_image_once_in_another_order_each_time) {
  Loader loader(small_set(), {}, {.batch_size = 16});
  const std::vector<std::int64_t> first = indices_of_epoch(loader), second = indices_of_epoch(loader);
  BOOST_TEST(first.size() == 50u);
  BOOST_TEST((std::set<std::int64_t>(first.begin(), first.end()).size() == 50u));
  BOOST_TEST((first != second));
  BOOST_TEST(
      (std::set<std::int64_t>(first.begin(), first.end()) == std::set<std::int64_t>(second.begin(), second.end())));
}

BOOST_AUTO_TEST_CASE(without_shuffle_the_order_is_that_of_the_data_set) {
  Loader loader(small_set(), {}, {.batch_size = 16, .shuffle = false});
  std::vector<std::int64_t> expected(50);
  std::iota(expected.begin(), expected.end(), 0);
  BOOST_TEST(indices_of_epoch(loader) == expected, boost::test_tools::per_element());
  BOOST_TEST(indices_of_epoch(loader) == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(batch_holds_the_images_and_labels_that_it_names) {
  const DatasetPtr dataset = small_set();
  Loader loader(dataset, {}, {.batch_size = 7});
  const std::optional<Batch> batch = loader.next();
  BOOST_TEST_REQUIRE(batch.has_value());
  BOOST_TEST(batch->n == 7);
  BOOST_TEST(batch->images.size() == 7u * 3072u);
  for (std::size_t i = 0; i < 7; ++i) {
    BOOST_TEST(batch->labels[i] == dataset->label(batch->indices[i]));
    const Bytes pixels = pixels_of(*dataset, batch->indices[i]);
    for (std::size_t k : {0u, 1000u, 3071u})
      BOOST_TEST(std::abs(batch->images[i * 3072 + k] - static_cast<float>(pixels[k]) / 255) < 1e-6f);
  }
}

BOOST_AUTO_TEST_CASE(last_batch_is_smaller_or_dropped) {
  Loader kept(small_set(), {}, {.batch_size = 16}), dropped(small_set(), {}, {.batch_size = 16, .drop_last = true});
  BOOST_TEST(kept.batches_per_epoch() == 4);
  BOOST_TEST(dropped.batches_per_epoch() == 3);
  BOOST_TEST(take(kept, 4).back().labels.size() == 2u);
  BOOST_TEST(indices_of_epoch(dropped).size() == 48u);
}

BOOST_AUTO_TEST_CASE(start_at_continues_as_if_never_interrupted) {
  const LoaderOptions options{.batch_size = 16, .seed = 3, .threads = 2};
  Loader whole(small_set(), kTransform, options), resumed(small_set(), kTransform, options);
  const std::vector<Content> batches = take(whole, 12);
  resumed.start_at(1, 2);
  BOOST_TEST((take(resumed, 6) == std::vector<Content>(batches.begin() + 6, batches.end())));
  resumed.start_at(0, 4);  // the end of an epoch
  BOOST_TEST(!resumed.next().has_value());
  BOOST_TEST((content(*resumed.next()) == batches[4]));
}

BOOST_AUTO_TEST_CASE(position_counts_what_was_handed_out) {
  Loader loader(small_set(), {}, {.batch_size = 16, .threads = 2});
  take(loader, 3);
  BOOST_TEST(loader.epoch() == 0);
  BOOST_TEST(loader.batch() == 3);
  take(loader, 2);
  BOOST_TEST(loader.epoch() == 1);
  BOOST_TEST(loader.batch() == 1);
}

BOOST_AUTO_TEST_CASE(error_of_a_worker_surfaces_at_its_batch) {
  for (int threads : {0, 3}) {
    Loader loader(std::make_shared<Fragile>(40, 25), {}, {.batch_size = 10, .shuffle = false, .threads = threads});
    BOOST_TEST(take(loader, 2).size() == 2u);
    BOOST_CHECK_EXCEPTION(loader.next(), DataError, (Says{{"image 25"}}));
    BOOST_CHECK_EXCEPTION(loader.next(), DataError, (Says{{"image 25"}}));
    loader.start_at(0, 3);
    BOOST_TEST(loader.next()->indices.front() == 30);
  }
}

BOOST_AUTO_TEST_CASE(pictures_decoded_by_many_threads_come_in_order_with_the_same_bytes) {
  const TemporaryFolder dir;
  for (std::uint8_t i = 0; i < 40; ++i)
    write_bytes(dir.path() / "train" / (i % 2 == 0 ? "a" : "b") / (std::to_string(i) + ".png"),
                png(20u + i, 60u - i, i, 5, 200));
  const DatasetPtr folder = open_folder(dir.path(), Split::kTrain, {.fit = {.side = 16}, .test_fraction = 0});
  BOOST_TEST(folder->is_decoded());
  BOOST_TEST(!small_set()->is_decoded());
  Transform transform = kTransform;
  transform.takes_box = true;
  Loader alone(folder, transform, {.batch_size = 18, .seed = 3, .threads = 0});
  const std::vector<Content> expected = take(alone, 9);
  for (const int threads : {1, 4, 9}) {
    Loader loader(folder, transform, {.batch_size = 18, .seed = 3, .threads = threads});
    BOOST_TEST((take(loader, 9) == expected));
  }
}

BOOST_AUTO_TEST_CASE(first_broken_picture_of_a_batch_is_told_with_its_path) {
  const TemporaryFolder dir;
  const auto picture = [&](int i) { return dir.path() / "train/a" / ("p" + std::to_string(i) + ".png"); };
  for (int i = 10; i < 50; ++i)
    write_bytes(picture(i), png(20, 20, 1, 2, 3));
  for (const int broken : {32, 45})
    std::filesystem::resize_file(picture(broken), 60);
  const DatasetPtr folder = open_folder(dir.path(), Split::kTrain, {.fit = {.side = 16}, .test_fraction = 0});
  for (int i = 0; i < 10; ++i) {
    Loader loader(folder, {}, {.batch_size = 20, .shuffle = false, .threads = 4});
    BOOST_TEST(loader.next().has_value());
    BOOST_CHECK_EXCEPTION(loader.next(), DataError, (Says{{"train/a/p32.png"}}));
  }
}

BOOST_AUTO_TEST_CASE(no_more_than_prefetch_batches_are_made_ahead) {
  const auto dataset = std::make_shared<Fragile>(1000, -1);
  Loader loader(dataset, {}, {.batch_size = 10, .threads = 4, .prefetch = 3});
  loader.next();
  loader.next();
  std::this_thread::yield();
  BOOST_TEST(dataset->reads <= (2 + 3) * 10);
}

BOOST_AUTO_TEST_CASE(destruction_in_the_middle_of_work_is_clean) {
  for (int i = 0; i < 50; ++i) {
    Loader loader(small_set(), kTransform, {.batch_size = 5, .threads = 3});
    if (i % 2 == 0)
      loader.next();
    if (i % 3 == 0)
      loader.start_at(5, 1);
  }
}

BOOST_AUTO_TEST_CASE(images_lie_in_the_memory_resource_given) {
  CountingMemory memory;
  {
    Loader loader(small_set(), {}, {.batch_size = 16, .threads = 2, .memory = &memory});
    const std::optional<Batch> batch = loader.next();
    BOOST_TEST((batch->images.get_allocator().resource() == &memory));
    BOOST_TEST(memory.bytes >= static_cast<std::int64_t>(16 * 3072 * sizeof(float)));
  }
  BOOST_TEST(memory.live == 0);
}

BOOST_AUTO_TEST_CASE(waiting_is_measured) {
  Loader loader(small_set(), {}, {.batch_size = 50, .threads = 0});
  BOOST_TEST(loader.wait_seconds() == 0);
  loader.next();
  BOOST_TEST(loader.wait_seconds() > 0);
}

BOOST_AUTO_TEST_CASE(impossible_options_are_refused) {
  BOOST_CHECK_EXCEPTION(Loader(small_set(), {}, {.batch_size = 0}), std::invalid_argument, (Says{{"batch size 0"}}));
  BOOST_CHECK_EXCEPTION(Loader(small_set(), {}, {.batch_size = 51, .drop_last = true}), std::invalid_argument,
                        (Says{{"51", "50 images"}}));
  Loader loader(small_set(), {}, {.batch_size = 16});
  BOOST_CHECK_EXCEPTION(loader.start_at(0, 5), std::out_of_range, (Says{{"batch 5", "4 batches"}}));
  BOOST_CHECK_THROW(loader.start_at(-1), std::out_of_range);
}

BOOST_AUTO_TEST_SUITE_END()
