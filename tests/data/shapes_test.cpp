#include "data/shapes.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "tests/data/samples.h"
#include "tests/support.h"

using namespace ockham::data;
using namespace ockham::test;

namespace {

constexpr std::size_t kClasses = 10, kInputs = 3 * 32 * 32;

struct Samples {
  std::vector<std::vector<float>> inputs;
  std::vector<std::size_t> labels;
};

Samples standardised(const Dataset& dataset) {
  Samples samples;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    std::vector<float>& input = samples.inputs.emplace_back();
    for (std::uint8_t pixel : pixels_of(dataset, i))
      input.push_back((static_cast<float>(pixel) - 127) / 50);
    samples.labels.push_back(static_cast<std::size_t>(dataset.label(i)));
  }
  return samples;
}

/// Multinomial logistic regression trained by plain stochastic gradient descent.
class Linear {
 public:
  std::vector<float> scores(const std::vector<float>& input) const {
    std::vector<float> result(kClasses);
    for (std::size_t k = 0; k < kClasses; ++k) {
      for (std::size_t i = 0; i < kInputs; ++i)
        result[k] += weights_[k * kInputs + i] * input[i];
    }
    return result;
  }

  void step(const std::vector<float>& input, std::size_t label, float rate) {
    std::vector<float> p = scores(input);
    const float top = std::ranges::max(p);
    float sum = 0;
    for (float& x : p)
      sum += x = std::exp(x - top);
    for (std::size_t k = 0; k < kClasses; ++k) {
      const float error = p[k] / sum - (k == label ? 1.0f : 0.0f);
      for (std::size_t i = 0; i < kInputs; ++i)
        weights_[k * kInputs + i] -= rate * error * input[i];
    }
  }

  double accuracy(const Samples& samples) const {
    std::size_t right = 0;
    for (std::size_t i = 0; i < samples.inputs.size(); ++i) {
      const std::vector<float> s = scores(samples.inputs[i]);
      right += static_cast<std::size_t>(std::ranges::max_element(s) - s.begin()) == samples.labels[i];
    }
    return static_cast<double>(right) / static_cast<double>(samples.inputs.size());
  }

 private:
  std::vector<float> weights_ = std::vector<float>(kClasses * kInputs);
};

}  // namespace

BOOST_AUTO_TEST_SUITE(shapes)

BOOST_AUTO_TEST_CASE(has_ten_balanced_classes_of_32x32_colour_images) {
  const DatasetPtr train = open_shapes(Split::kTrain);
  BOOST_TEST(train->size() == 50000);
  BOOST_TEST((train->shape() == ImageShape{3, 32, 32}));
  BOOST_TEST(train->classes() == 10);
  for (std::int64_t count : label_counts(*train))
    BOOST_TEST(count == 5000);
}

BOOST_AUTO_TEST_CASE(train_test_and_other_seeds_share_no_image) {
  std::set<Bytes> images;
  for (std::uint64_t seed : {0u, 1u}) {
    for (Split split : {Split::kTrain, Split::kTest}) {
      const DatasetPtr dataset = open_shapes(split, {.seed = seed});
      for (std::int64_t i = 0; i < 100; ++i)
        images.insert(pixels_of(*dataset, i));
    }
  }
  BOOST_TEST(images.size() == 400u);
}

BOOST_AUTO_TEST_CASE(an_image_does_not_depend_on_the_size_of_the_set) {
  const DatasetPtr small = open_shapes(Split::kTrain, {.train_size = 5}), big = open_shapes(Split::kTrain);
  BOOST_TEST(pixels_of(*small, 4) == pixels_of(*big, 4));
}

// The checksum was taken on x86-64; drawing is done in integers, so every machine must agree.
BOOST_AUTO_TEST_CASE(pixels_are_the_same_on_every_machine) {
  const DatasetPtr train = open_shapes(Split::kTrain, {.train_size = 50});
  uLong sum = crc32(0, nullptr, 0);
  for (std::int64_t i = 0; i < train->size(); ++i) {
    const Bytes pixels = pixels_of(*train, i);
    sum = crc32(sum, pixels.data(), static_cast<unsigned>(pixels.size()));
  }
  BOOST_TEST(sum == 986791161u);
}

BOOST_AUTO_TEST_CASE(other_image_sizes_can_be_drawn) {
  for (std::int64_t side : {8, 16, 48, 256}) {
    const DatasetPtr dataset = open_shapes(Split::kTest, {.test_size = 10, .image_size = side});
    const Bytes pixels = pixels_of(*dataset, 9);
    BOOST_TEST(std::ranges::max(pixels) - std::ranges::min(pixels) > 60);
  }
}

BOOST_AUTO_TEST_CASE(impossible_sizes_are_refused) {
  BOOST_CHECK_EXCEPTION(open_shapes(Split::kTrain, {.image_size = 7}), std::invalid_argument,
                        (Says{{"side 7", "8 to"}}));
  BOOST_CHECK_EXCEPTION(open_shapes(Split::kTest, {.test_size = 0}), std::invalid_argument, (Says{{"0 images"}}));
}

BOOST_AUTO_TEST_CASE(linear_classifier_stays_under_60_percent) {
  const Samples train = standardised(*open_shapes(Split::kTrain, {.train_size = 3000}));
  const Samples test = standardised(*open_shapes(Split::kTest, {.test_size = 1000}));
  Linear classifier;
  for (int epoch = 0; epoch < 4; ++epoch) {
    for (std::size_t i = 0; i < train.inputs.size(); ++i)
      classifier.step(train.inputs[i], train.labels[i], 3e-4f);
  }
  BOOST_TEST(classifier.accuracy(train) > 0.3);  // it does learn, by heart
  BOOST_TEST(classifier.accuracy(test) < 0.6);
}

BOOST_AUTO_TEST_CASE(digest_tells_seeds_and_splits_apart) {
  std::set<std::string> digests;
  for (std::uint64_t seed : {0u, 1u}) {
    digests.insert(open_shapes(Split::kTrain, {.seed = seed})->digest());
    digests.insert(open_shapes(Split::kTest, {.seed = seed})->digest());
  }
  BOOST_TEST(digests.size() == 4u);
}

BOOST_AUTO_TEST_SUITE_END()
