#include "data/subset.h"

#include <numeric>
#include <stdexcept>
#include <utility>

#include "data/digest.h"

namespace ockham::data {
namespace {

class Subset : public Dataset {
 public:
  Subset(DatasetPtr base, std::vector<int64_t> indices)
      : Dataset({base->name(), base->class_names(), base->shape(), std::ssize(indices)}),
        base_(std::move(base)),
        indices_(std::move(indices)) {}

  [[nodiscard]] std::string digest() const override {
    Digest digest;
    digest.add(base_->digest());
    for (int64_t index : indices_) {
      digest.add(' ' + std::to_string(index));
    }
    return digest.hex();
  }

 private:
  [[nodiscard]] int label_at(int64_t index) const override {
    return base_->label(indices_[static_cast<size_t>(index)]);
  }
  void read_at(int64_t index, std::span<uint8_t> pixels) const override {
    base_->read(indices_[static_cast<size_t>(index)], pixels);
  }

  DatasetPtr base_;
  std::vector<int64_t> indices_;
};

DatasetPtr part(const DatasetPtr& base, const std::vector<int64_t>& order, int64_t begin, int64_t end) {
  return make_subset(base, std::vector<int64_t>(order.begin() + begin, order.begin() + end));
}

}  // namespace

std::vector<int64_t> permutation(int64_t size, uint64_t seed, Purpose purpose, uint32_t step) {
  std::vector<int64_t> order(static_cast<size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  Stream random(seed, purpose, step, 0);
  for (size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[random.below(static_cast<uint32_t>(i))]);
  }
  return order;
}

DatasetPtr make_subset(DatasetPtr base, std::vector<int64_t> indices) {
  for (int64_t index : indices) {
    if (index < 0 || index >= base->size()) {
      throw std::out_of_range(base->name() + ": a subset asks for image " + std::to_string(index) + " of " +
                              std::to_string(base->size()) + "; indices are 0 to size - 1.");
    }
  }
  return std::make_shared<Subset>(std::move(base), std::move(indices));
}

Splits split(const DatasetPtr& train, const DatasetPtr& test, const SplitOptions& options) {
  const int64_t valid_size = options.valid_size;
  const int64_t train_size = options.train_size.value_or(train->size() - valid_size);
  const int64_t test_size = options.test_size.value_or(test->size());
  if (train_size < 1 || valid_size < 0 || valid_size > train->size() - train_size) {
    throw std::invalid_argument(train->name() + ": " + std::to_string(train_size) + " training and " +
                                std::to_string(valid_size) + " validation images were asked for, " +
                                std::to_string(train->size()) +
                                " are there; take at least 1 for training and no more than that in all.");
  }
  if (test_size < 1 || test_size > test->size()) {
    throw std::invalid_argument(test->name() + ": " + std::to_string(test_size) + " test images were asked for, " +
                                std::to_string(test->size()) + " are there; take 1 to that many.");
  }
  Splits splits{train, nullptr, test};
  if (train_size < train->size()) {
    const std::vector<int64_t> order = permutation(train->size(), options.seed, Purpose::kSplit, 0);
    splits.train = part(train, order, 0, train_size);
    if (valid_size > 0) {
      splits.valid = part(train, order, train->size() - valid_size, train->size());
    }
  }
  if (test_size < test->size()) {
    splits.test = part(test, permutation(test->size(), options.seed, Purpose::kSplit, 1), 0, test_size);
  }
  return splits;
}

}  // namespace ockham::data
