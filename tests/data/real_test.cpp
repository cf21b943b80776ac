// labels: data
// The readers on real data, where they are at hand.
#include <cmath>
#include <numeric>

#include "data/cifar.h"
#include "data/digest.h"
#include "data/error.h"
#include "data/file.h"
#include "data/folder.h"
#include "data/image/decode.h"
#include "data/loader.h"
#include "data/mnist.h"
#include "data/verify.h"
#include "tests/data/samples.h"
#include "tests/real_data.h"
#include "tests/support.h"

using namespace ockham::data;
using namespace ockham::test;

namespace {

/// Mean and standard deviation of a channel, pixels / 255.
struct Moments {
  double mean, std;
};

Moments moments(const Dataset& dataset, std::int64_t channel) {
  const auto plane = static_cast<std::size_t>(dataset.shape().height * dataset.shape().width);
  Bytes pixels(static_cast<std::size_t>(dataset.shape().count()));
  double sum = 0, squares = 0;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    dataset.read(i, pixels);
    const std::span<const std::uint8_t> values =
        std::span(pixels).subspan(static_cast<std::size_t>(channel) * plane, plane);
    const auto image_sum = std::accumulate(values.begin(), values.end(), std::int64_t{0});
    const auto image_squares = std::inner_product(values.begin(), values.end(), values.begin(), std::int64_t{0});
    sum += static_cast<double>(image_sum) / 255;
    squares += static_cast<double>(image_squares) / (255.0 * 255.0);
  }
  const double count = static_cast<double>(dataset.size()) * static_cast<double>(plane);
  return {sum / count, std::sqrt(squares / count - sum / count * sum / count)};
}

std::string md5(std::span<const std::uint8_t> bytes) {
  Digest digest(Digest::Kind::kMd5);
  digest.add(bytes);
  return digest.hex();
}

/// All pixels one image after the other, as the IDX file stores them.
Bytes all_pixels(const Dataset& dataset) {
  Bytes all(static_cast<std::size_t>(dataset.size() * dataset.shape().count()));
  std::span<std::uint8_t> rest = all;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    dataset.read(i, rest.first(static_cast<std::size_t>(dataset.shape().count())));
    rest = rest.subspan(static_cast<std::size_t>(dataset.shape().count()));
  }
  return all;
}

Picture derived(const std::filesystem::path& sample, const std::string& name) {
  const auto path = sample / "derived/n02102040" / name;
  return decode_picture(path.string(), read_file("test", path, 1 << 24));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(real)

// Counts and moments are those stated in the description of this copy (its pixels went through JPEG once).
BOOST_AUTO_TEST_CASE(cifar10_has_5000_images_a_class_and_the_known_moments) {
  const auto dir = real_cifar10();
  if (dir.empty())
    return skip("no packed CIFAR-10 in the shared folder");
  const DatasetPtr train = open_cifar10(dir, Split::kTrain), test = open_cifar10(dir, Split::kTest);
  BOOST_TEST(label_counts(*train) == std::vector<std::int64_t>(10, 5000), boost::test_tools::per_element());
  BOOST_TEST(label_counts(*test) == std::vector<std::int64_t>(10, 1000), boost::test_tools::per_element());
  BOOST_TEST(train->class_names()[0] == "airplane");
  const double means[] = {0.49125, 0.48209, 0.44652}, stds[] = {0.24523, 0.24278, 0.26063};
  for (std::int64_t c = 0; c < 3; ++c) {
    const Moments found = moments(*train, c);
    BOOST_TEST(std::abs(found.mean - means[c]) < 1e-5);  // stated to five digits
    BOOST_TEST(std::abs(found.std - stds[c]) < 1e-5);
  }
}

BOOST_AUTO_TEST_CASE(cifar10_batches_do_not_depend_on_threads) {
  const auto dir = real_cifar10();
  if (dir.empty())
    return skip("no packed CIFAR-10 in the shared folder");
  const DatasetPtr train = open_cifar10(dir, Split::kTrain);
  const Transform transform{.normalisation = normalisation_of("cifar10"), .pad = 4, .flip = true, .cutout = 16};
  Loader alone(train, transform, {.batch_size = 128, .seed = 1, .threads = 0});
  Loader threaded(train, transform, {.batch_size = 128, .seed = 1, .threads = 3});
  for (int i = 0; i < 20; ++i) {
    const std::optional<Batch> a = alone.next(), b = threaded.next();
    BOOST_TEST((a->images == b->images && a->indices == b->indices));
  }
}

BOOST_AUTO_TEST_CASE(cifar100_sample_opens_with_its_names) {
  const auto dir = real_cifar100();
  if (dir.empty())
    return skip("no packed CIFAR-100 sample in the shared folder");
  const VerifyReport report = verify("cifar100", dir);
  BOOST_TEST(report.splits[0].images == 5000);
  BOOST_TEST(report.splits[1].images == 1000);
  BOOST_TEST(report.splits[0].class_names[0] == "apple");
  BOOST_TEST(report.splits[0].class_names[99] == "worm");
}

// Counts and moments are those stated in the description of this copy.
BOOST_AUTO_TEST_CASE(tiny_imagenet_opens_as_records_with_its_names_and_moments) {
  const auto dir = real_tiny_imagenet();
  if (dir.empty())
    return skip("no packed Tiny ImageNet in the shared folder");
  const VerifyReport report = verify("records", dir, {.image_size = 32});
  BOOST_TEST_REQUIRE(report.splits.size() == 2u);
  BOOST_TEST(report.splits[0].label_counts == std::vector<std::int64_t>(120, 500), boost::test_tools::per_element());
  BOOST_TEST(report.splits[1].label_counts == std::vector<std::int64_t>(120, 50), boost::test_tools::per_element());
  BOOST_TEST(report.splits[0].class_names[0].find("goldfish") != std::string::npos);
  const float means[] = {0.4736f, 0.4460f, 0.3956f}, stds[] = {0.2479f, 0.2404f, 0.2525f};
  for (std::size_t c = 0; c < 3; ++c) {
    BOOST_TEST(std::abs(report.splits[0].normalisation->mean[c] - means[c]) < 6e-5f);  // stated to four digits
    BOOST_TEST(std::abs(report.splits[0].normalisation->std[c] - stds[c]) < 6e-5f);
  }
}

// MD5 of the official files once decompressed: header, then these bytes.
BOOST_AUTO_TEST_CASE(mnist_equals_the_official_files) {
  const auto dir = real_mnist();
  if (dir.empty())
    return skip("no MNIST in the shared folder");
  const DatasetPtr test = open_mnist(dir, Split::kTest), train = open_mnist(dir, Split::kTrain);
  Bytes file{0, 0, 8, 3, 0, 0, 0x27, 0x10, 0, 0, 0, 28, 0, 0, 0, 28};
  const Bytes pixels = all_pixels(*test);
  file.insert(file.end(), pixels.begin(), pixels.end());
  BOOST_TEST(md5(file) == "2646ac647ad5339dbf082846283269ea");
  BOOST_TEST(
      label_counts(*train) == (std::vector<std::int64_t>{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949}),
      boost::test_tools::per_element());
  const Normalisation normalisation = normalisation_of("mnist");
  const Moments found = moments(*train, 0);
  BOOST_TEST(std::abs(found.mean - normalisation.mean[0]) < 1e-4);
  BOOST_TEST(std::abs(found.std - normalisation.std[0]) < 1e-4);
}

BOOST_AUTO_TEST_CASE(imagenet_folders_open_with_sorted_labels) {
  const auto dir = real_imagenet_sample();
  if (dir.empty())
    return skip("no ImageNet sample in the shared folder");
  const DatasetPtr train = open_folder(dir, Split::kTrain), test = open_folder(dir, Split::kTest);
  BOOST_TEST(train->size() == 1200);
  BOOST_TEST(test->size() == 250);
  BOOST_TEST(train->class_names().front() == "n01440764");
  BOOST_TEST(label_counts(*test) == std::vector<std::int64_t>(10, 25), boost::test_tools::per_element());
  const DatasetPtr decoded = open_folder(dir, Split::kTest, {.broken = Broken::kSkip});
  BOOST_TEST(decoded->size() == 250);
  BOOST_TEST(decoded->left_out().bad_images.empty());
  BOOST_TEST(train->left_out().folders.size() == 2u);  // varied/ and derived/
}

BOOST_AUTO_TEST_CASE(awkward_imagenet_pictures_decode) {
  const auto dir = real_imagenet_sample();
  if (dir.empty())
    return skip("no ImageNet sample in the shared folder");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir / "varied")) {
    if (entry.is_regular_file()) {
      const Picture picture = decode_picture(entry.path().string(), read_file("test", entry.path(), 1 << 26));
      BOOST_TEST(fit_square(picture, {.side = 64}).pixels.size() == 3u * 64 * 64);
    }
  }
  BOOST_TEST((derived(dir, "progressive.JPEG").shape == ImageShape{3, 240, 320}));
  BOOST_TEST((derived(dir, "cmyk.JPEG").shape == ImageShape{3, 240, 320}));
  BOOST_TEST((derived(dir, "png_inside.JPEG").shape == ImageShape{3, 96, 96}));
}

// As a user meets them: a folder of folders.
BOOST_AUTO_TEST_CASE(varied_pictures_make_a_data_set_and_derived_ones_name_what_is_broken) {
  const auto dir = real_imagenet_sample();
  if (dir.empty())
    return skip("no ImageNet sample in the shared folder");
  const TemporaryFolder both;  // with one picture a class none can be set apart for tests
  for (const char* part : {"train", "val"})
    std::filesystem::create_directory_symlink(dir / "varied", both.path() / part);
  const VerifyReport varied = verify("folder", both.path(), {.image_size = 64});
  BOOST_TEST(varied.is_sound());
  for (const SplitReport& split : varied.splits) {
    BOOST_TEST(split.images == 65);
    BOOST_TEST(split.class_names.size() == 65u);
  }
  const DatasetPtr sound = open_folder(dir / "derived", Split::kTrain, {.broken = Broken::kSkip, .test_fraction = 0});
  BOOST_TEST(sound->size() == 3);
  BOOST_TEST_REQUIRE(sound->left_out().bad_images.size() == 2u);
  const std::string told = sound->left_out().bad_images[0] + sound->left_out().bad_images[1];
  BOOST_TEST(told.find("derived/n02102040/empty.JPEG") != std::string::npos, told);
  BOOST_TEST(told.find("derived/n02102040/truncated.JPEG") != std::string::npos, told);
}

BOOST_AUTO_TEST_CASE(real_pictures_come_with_the_same_bytes_from_any_number_of_threads) {
  const auto dir = real_imagenet_sample();
  if (dir.empty())
    return skip("no ImageNet sample in the shared folder");
  const DatasetPtr test = open_folder(dir, Split::kTest, {.fit = {.side = 64, .shorter = 73}});
  const Transform transform{.normalisation = test->normalisation(), .flip = true, .takes_box = true};
  Loader alone(test, transform, {.batch_size = 32, .seed = 1, .threads = 0});
  Loader threaded(test, transform, {.batch_size = 32, .seed = 1, .threads = 5});
  for (int i = 0; i < 4; ++i) {
    const std::optional<Batch> a = alone.next(), b = threaded.next();
    BOOST_TEST((a->images == b->images && a->indices == b->indices && a->labels == b->labels));
  }
}

// All three were made from one picture, so a CMYK that came out inverted would differ by far more than compression
// does.
BOOST_AUTO_TEST_CASE(cmyk_and_progressive_show_the_same_picture) {
  const auto dir = real_imagenet_sample();
  if (dir.empty())
    return skip("no ImageNet sample in the shared folder");
  const Picture a = derived(dir, "progressive.JPEG"), b = derived(dir, "cmyk.JPEG");
  double difference = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i)
    difference += std::abs(a.pixels[i] - b.pixels[i]);
  BOOST_TEST(difference / static_cast<double>(a.pixels.size()) < 8);
}

BOOST_AUTO_TEST_CASE(truncated_and_empty_pictures_are_refused_by_name) {
  const auto dir = real_imagenet_sample();
  if (dir.empty())
    return skip("no ImageNet sample in the shared folder");
  BOOST_CHECK_EXCEPTION(derived(dir, "truncated.JPEG"), DataError, (Says{{"truncated.JPEG", "18591", "cut off"}}));
  BOOST_CHECK_EXCEPTION(derived(dir, "empty.JPEG"), DataError, (Says{{"empty.JPEG", "0 bytes"}}));
}

BOOST_AUTO_TEST_CASE(jpeg_cut_anywhere_or_with_flipped_bytes_never_crashes) {
  const auto dir = real_imagenet_sample();
  if (dir.empty())
    return skip("no ImageNet sample in the shared folder");
  const Bytes whole = read_file("test", dir / "derived/n02102040/progressive.JPEG", 1 << 24);
  for (std::size_t size = 0; size < whole.size() - 2; size += 997) {
    const auto cut = std::span(whole).first(size);
    BOOST_CHECK_THROW(decode_picture("cut", cut), DataError);
  }
  for (std::size_t at = 2; at < whole.size(); at += 499) {
    Bytes flipped = whole;
    flipped[at] ^= 0x55;
    try {
      decode_picture("flipped", flipped);
    } catch (const DataError&) {
      BOOST_TEST_MESSAGE("refused with byte " << at << " flipped");
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
