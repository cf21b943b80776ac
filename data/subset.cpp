#include "data/subset.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "data/digest.h"
#include "data/view.h"

namespace ockham::data {
namespace {

class Subset : public View {
 public:
  Subset(DatasetPtr whole, std::vector<std::int64_t> indices)
      : View(std::move(whole),
             [&](Description& description) {
               description.size = std::ssize(indices);
               description.left_out = {};
             }),
        indices_(std::move(indices)) {}

  [[nodiscard]] std::string digest() const override {
    Digest digest;
    digest.add(base().digest());
    for (std::int64_t index : indices_)
      digest.add(' ' + std::to_string(index));
    return digest.hex();
  }

 private:
  [[nodiscard]] std::int64_t place(std::int64_t index) const { return indices_[static_cast<std::size_t>(index)]; }
  [[nodiscard]] int label_at(std::int64_t index) const override { return View::label_at(place(index)); }
  void read_at(std::int64_t index, std::span<std::uint8_t> pixels) const override {
    View::read_at(place(index), pixels);
  }
  void read_box_at(std::int64_t index, const std::function<Box(const ImageShape&)>& choose, std::int64_t side,
                   std::span<std::uint8_t> pixels) const override {
    View::read_box_at(place(index), choose, side, pixels);
  }

  std::vector<std::int64_t> indices_;
};

DatasetPtr part(const DatasetPtr& base, const std::vector<std::int64_t>& order, std::int64_t begin, std::int64_t end) {
  return make_subset(base, std::vector<std::int64_t>(order.begin() + begin, order.begin() + end));
}

void add(const LeftOut& from, LeftOut& to) {
  std::ranges::copy(from.files, std::back_inserter(to.files));
  std::ranges::copy(from.bad_images, std::back_inserter(to.bad_images));
  std::ranges::copy(from.folders, std::back_inserter(to.folders));
}

/// The first `size` images of a seeded shuffle of a part that nothing else is cut from; itself if that is all.
DatasetPtr front(const DatasetPtr& base, std::int64_t size, const char* name, std::uint64_t seed, std::uint32_t step) {
  if (size < 1 || size > base->size())
    throw std::invalid_argument(base->name() + ": " + std::to_string(size) + ' ' + name + " images were asked for, " +
                                std::to_string(base->size()) + " are there; take 1 to that many.");
  return size == base->size() ? base : part(base, permutation(base->size(), seed, Purpose::kSplit, step), 0, size);
}

}  // namespace

std::vector<std::int64_t> permutation(std::int64_t size, std::uint64_t seed, Purpose purpose, std::uint32_t step) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  Stream random(seed, purpose, step, 0);
  for (std::size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[random.below(static_cast<std::uint32_t>(i))]);
  return order;
}

DatasetPtr make_subset(DatasetPtr base, std::vector<std::int64_t> indices) {
  for (std::int64_t index : indices) {
    if (index < 0 || index >= base->size())
      throw std::out_of_range(base->name() + ": a subset asks for image " + std::to_string(index) + " of " +
                              std::to_string(base->size()) + "; indices are 0 to size - 1.");
  }
  return std::make_shared<Subset>(std::move(base), std::move(indices));
}

Splits split(const DatasetPtr& train, const DatasetPtr& test, const SplitOptions& options, const DatasetPtr& valid) {
  const std::int64_t valid_size = valid ? 0 : options.valid_size;  // of the training images
  const std::int64_t train_size = options.train_size.value_or(train->size() - valid_size);
  if (train_size < 1 || valid_size < 0 || valid_size > train->size() - train_size)
    throw std::invalid_argument(train->name() + ": " + std::to_string(train_size) + " training and " +
                                std::to_string(valid_size) + " validation images were asked for, " +
                                std::to_string(train->size()) +
                                " are there; take at least 1 for training and no more than that in all.");
  Splits splits{train, nullptr, front(test, options.test_size.value_or(test->size()), "test", options.seed, 1)};
  for (const DatasetPtr& whole : {train, valid, test})
    if (whole)
      add(whole->left_out(), splits.left_out);
  if (train_size < train->size()) {
    const std::vector<std::int64_t> order = permutation(train->size(), options.seed, Purpose::kSplit, 0);
    splits.train = part(train, order, 0, train_size);
    if (valid_size > 0)
      splits.valid = part(train, order, train->size() - valid_size, train->size());
  }
  if (valid) {
    const std::int64_t size = options.valid_size == 0 ? valid->size() : options.valid_size;
    splits.valid = front(valid, size, "validation", options.seed, 2);
  }
  return splits;
}

}  // namespace ockham::data
