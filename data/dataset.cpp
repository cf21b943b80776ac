#include "data/dataset.h"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

#include "data/digest.h"
#include "data/error.h"
#include "data/image/resize.h"
#include "data/normalisation.h"

namespace ockham::data {

Dataset::Dataset(Description description) : description_(std::move(description)) {
  if (size() < 1 || size() > std::numeric_limits<std::int32_t>::max())
    throw DataError(name() + ": " + std::to_string(size()) + " images; a data set has 1 to 2147483647.");
  if (classes() < 1)
    throw DataError(name() + ": no class; a data set has at least one.");
}

void Dataset::check_index(std::int64_t index) const {
  if (index < 0 || index >= size())
    throw std::out_of_range(name() + ": image " + std::to_string(index) + " of " + std::to_string(size()) +
                            " was asked for; indices are 0 to size - 1.");
}

Normalisation Dataset::normalisation() const {
  return description_.normalisation ? *description_.normalisation : normalisation_of(name());
}

int Dataset::label(std::int64_t index) const {
  check_index(index);
  return label_at(index);
}

void Dataset::read(std::int64_t index, std::span<std::uint8_t> pixels) const {
  check_index(index);
  if (std::ssize(pixels) != shape().count())
    throw std::invalid_argument(name() + ": an image has " + std::to_string(shape().count()) +
                                " bytes, the buffer given has " + std::to_string(pixels.size()) + ".");
  read_at(index, pixels);
}

void Dataset::read_box(std::int64_t index, const std::function<Box(const ImageShape&)>& choose, std::int64_t side,
                       std::span<std::uint8_t> pixels) const {
  check_index(index);
  if (std::ssize(pixels) != shape().channels * side * side)
    throw std::invalid_argument(name() + ": a part of " + std::to_string(side) + " pixels has " +
                                std::to_string(shape().channels * side * side) + " bytes, the buffer given has " +
                                std::to_string(pixels.size()) + ".");
  read_box_at(index, choose, side, pixels);
}

void Dataset::read_box_at(std::int64_t index, const std::function<Box(const ImageShape&)>& choose, std::int64_t side,
                          std::span<std::uint8_t> pixels) const {
  Picture picture{shape(), std::vector<std::uint8_t>(static_cast<std::size_t>(shape().count()))};
  read_at(index, picture.pixels);
  std::ranges::copy(resize(crop(picture, choose(shape())), side, side).pixels, pixels.begin());
}

MemoryDataset::MemoryDataset(std::string name, std::vector<std::string> class_names, ImageShape shape,
                             std::vector<std::uint8_t> pixels, std::vector<std::uint8_t> labels)
    : Dataset({std::move(name), std::move(class_names), shape, std::ssize(labels)}),
      pixels_(std::move(pixels)),
      labels_(std::move(labels)) {}

int MemoryDataset::label_at(std::int64_t index) const {
  return labels_[static_cast<std::size_t>(index)];
}

void MemoryDataset::read_at(std::int64_t index, std::span<std::uint8_t> pixels) const {
  std::copy_n(pixels_.begin() + index * shape().count(), shape().count(), pixels.begin());
}

std::string MemoryDataset::digest() const {
  Digest digest;
  digest.add(labels_);
  digest.add(pixels_);
  return digest.hex();
}

std::vector<std::int64_t> label_counts(const Dataset& dataset) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(dataset.classes()));
  for (std::int64_t i = 0; i < dataset.size(); ++i)
    ++counts[static_cast<std::size_t>(dataset.label(i))];
  return counts;
}

std::vector<std::string> numbered_names(int count) {
  std::vector<std::string> names(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i)
    names[static_cast<std::size_t>(i)] = std::to_string(i);
  return names;
}

}  // namespace ockham::data
