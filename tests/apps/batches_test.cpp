// Images on their way to a network: what training does to them, and that evaluation does nothing to them.
#include "apps/runs/inputs/batches.h"

#include <cmath>

#include "tests/support.h"

namespace ockham::apps {
namespace {

constexpr std::int64_t kImages = 7, kSize = 8;

/// Images without two equal pixels in a row, in seven classes.
data::DatasetPtr dataset_named(const std::string& name) {
  const std::int64_t channels = name == "mnist" ? 1 : 3;
  std::vector<std::uint8_t> pixels, labels;
  for (std::int64_t i = 0; i < kImages; ++i) {
    labels.push_back(static_cast<std::uint8_t>((3 * i) % kImages));
    for (std::int64_t p = 0; p < channels * kSize * kSize; ++p)
      pixels.push_back(static_cast<std::uint8_t>((37 * p + 101 * i) % 256));
  }
  return std::make_shared<data::MemoryDataset>(name, data::numbered_names(kImages),
                                               data::ImageShape{channels, kSize, kSize}, pixels, labels);
}

BOOST_AUTO_TEST_SUITE(batches)

BOOST_AUTO_TEST_CASE(evaluation_sees_each_image_once_in_order_normalised_and_not_augmented) {
  for (const std::string name : {"cifar10", "mnist", "shapes"}) {
    const data::DatasetPtr dataset = dataset_named(name);
    const data::Normalisation normal = data::normalisation_of(name);
    const std::int64_t plane = kSize * kSize, count = dataset->shape().count();
    std::int64_t seen = 0;
    double worst = 0.0;
    const nas::Score total = evaluate_dataset(dataset, 3, DType::kFloat64, [&](const nas::Batch& batch) {
      const double* x = batch.images.data<double>();
      for (std::int64_t n = 0; n < batch.images.size(0); ++n, ++seen) {
        std::vector<std::uint8_t> pixels(static_cast<std::size_t>(count));
        dataset->read(seen, pixels);
        BOOST_TEST(batch.labels.data<std::int64_t>()[n] == dataset->label(seen));
        for (std::int64_t p = 0; p < count; ++p) {
          const auto channel = static_cast<std::size_t>(p / plane);
          const double expected =
              (pixels[static_cast<std::size_t>(p)] / 255.0 - static_cast<double>(normal.mean[channel])) /
              static_cast<double>(normal.std[channel]);
          worst = std::max(worst, std::abs(x[n * count + p] - expected));
        }
      }
      return nas::Score{.loss = 1.0, .top1 = 1, .top5 = 2, .count = batch.images.size(0)};
    });
    BOOST_TEST(seen == kImages, name);
    BOOST_TEST(worst < 1e-5, name);
    BOOST_TEST(total.count == kImages);
    BOOST_TEST(total.top5 == 6);  // of three batches
  }
}

BOOST_AUTO_TEST_CASE(training_crops_mirrors_and_cuts_out_but_mirrors_no_digit) {
  for (const std::string name : {"cifar10", "mnist", "shapes"}) {
    const data::Transform transform = training_transform(*dataset_named(name), 6);
    BOOST_TEST(transform.pad == 4);
    BOOST_TEST(transform.flip == (name != "mnist"));
    BOOST_TEST(transform.cutout == 6);
    BOOST_TEST(transform.normalisation.mean == data::normalisation_of(name).mean);
    BOOST_TEST(transform.normalisation.std == data::normalisation_of(name).std);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham::apps
