#include "data/augment.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "tests/data/samples.h"
#include "tests/support.h"

using namespace ockham::data;
using namespace ockham::test;

namespace {

constexpr ImageShape kShape{3, 8, 8};
constexpr Normalisation kBytes{{0, 0, 0}, {1 / 255.0f, 1 / 255.0f, 1 / 255.0f}};  // keeps 0 to 255

/// Pixel (c, y, x) is 64 c + 8 y + x + 1 modulo 256: never 0 within the first plane.
Bytes numbered() {
  Bytes pixels;
  for (int i = 0; i < 192; ++i)
    pixels.push_back(static_cast<std::uint8_t>(i + 1));
  return pixels;
}

std::vector<float> augmented(const Transform& transform, AugmentAddress address, const Bytes& pixels = numbered()) {
  std::vector<float> out(pixels.size(), std::numeric_limits<float>::quiet_NaN());
  ockham::data::augment(transform, kShape, address, pixels, out);
  return out;
}

/// The plain definition: pixel of the padded image, or black.
float padded(const Bytes& pixels, std::int64_t c, std::int64_t y, std::int64_t x) {
  const bool inside = y >= 0 && y < 8 && x >= 0 && x < 8;
  return inside ? static_cast<float>(pixels[static_cast<std::size_t>((c * 8 + y) * 8 + x)]) : 0;
}

bool is_window(const std::vector<float>& out, std::int64_t dy, std::int64_t dx, bool flip) {
  const Bytes pixels = numbered();
  for (std::int64_t i = 0; i < kShape.count(); ++i) {
    const std::int64_t c = i / 64, y = i / 8 % 8, x = i % 8;
    if (std::abs(out[static_cast<std::size_t>(i)] - padded(pixels, c, y + dy, (flip ? 7 - x : x) + dx)) > 1e-3f)
      return false;
  }
  return true;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(augment)

BOOST_AUTO_TEST_CASE(default_only_normalises) {
  Transform transform;
  transform.normalisation = {{0.5f, 0.25f, 0}, {0.5f, 0.25f, 2}};
  const std::vector<float> out = augmented(transform, {1, 2, 3});
  const Bytes pixels = numbered();
  for (std::size_t i : {0u, 63u, 64u, 128u, 191u}) {
    const double mean = transform.normalisation.mean.at(i / 64), std = transform.normalisation.std.at(i / 64);
    BOOST_TEST(std::abs(out[i] - (pixels[i] / 255.0 - mean) / std) < 1e-6);  // a few float32 roundings near 1
  }
}

BOOST_AUTO_TEST_CASE(crop_is_a_window_of_the_padded_image_and_reaches_all_of_them) {
  std::set<std::pair<std::int64_t, std::int64_t>> seen;
  for (std::uint32_t image = 0; image < 300; ++image) {
    const std::vector<float> out = augmented({.normalisation = kBytes, .pad = 2}, {7, 0, image});
    for (std::int64_t dy = -2; dy <= 2; ++dy) {
      for (std::int64_t dx = -2; dx <= 2; ++dx) {
        if (is_window(out, dy, dx, false))
          seen.insert({dy, dx});
      }
    }
  }
  BOOST_TEST(seen.size() == 25u);
}

BOOST_AUTO_TEST_CASE(alternating_flips_show_both_sides_in_two_epochs_and_start_with_about_half) {
  const Transform transform{.normalisation = kBytes, .flip = true, .alternates = true};
  int flipped = 0;
  for (std::uint32_t image = 0; image < 400; ++image) {
    const bool first = is_window(augmented(transform, {3, 0, image}), 0, 0, true);
    flipped += first ? 1 : 0;
    BOOST_TEST(is_window(augmented(transform, {3, 1, image}), 0, 0, !first));
    BOOST_TEST(is_window(augmented(transform, {3, 2, image}), 0, 0, first));
  }
  BOOST_TEST(std::abs(flipped - 200) < 60);  // six standard deviations
}

BOOST_AUTO_TEST_CASE(colours_change_before_all_else_and_leave_the_other_draws) {
  const Transform plain{.normalisation = kBytes, .pad = 2, .flip = true};
  Transform coloured = plain;
  coloured.colour = {.brightness = 0.5};
  const AugmentAddress address{7, 1, 4};
  Stream random(7, Purpose::kColour, 1, 4);
  Bytes changed = numbered();
  change_colours(draw_change(coloured.colour, random), kShape, changed);
  BOOST_TEST((augmented(coloured, address) == augmented(plain, address, changed)));
  BOOST_TEST((augmented(coloured, address) != augmented(plain, address)));
}

BOOST_AUTO_TEST_CASE(flip_mirrors_about_half_of_the_images) {
  int flipped = 0;
  for (std::uint32_t image = 0; image < 400; ++image) {
    const std::vector<float> out = augmented({.normalisation = kBytes, .flip = true}, {7, 0, image});
    flipped += is_window(out, 0, 0, true);
    BOOST_TEST((is_window(out, 0, 0, true) || is_window(out, 0, 0, false)));
  }
  BOOST_TEST(std::abs(flipped - 200) < 50);  // five standard deviations
}

BOOST_AUTO_TEST_CASE(padding_is_black_before_normalisation) {
  Transform transform{.normalisation = {{0.5f, 0.5f, 0.5f}, {0.25f, 0.25f, 0.25f}}, .pad = 2};
  std::set<float> values;
  for (std::uint32_t image = 0; image < 50; ++image) {
    for (float value : augmented(transform, {7, 0, image}, Bytes(192, 255)))
      values.insert(value);
  }
  BOOST_TEST(values.size() == 2u);
  BOOST_TEST(*values.begin() == -2.0f);
}

// A side of 4 covers [centre - 2, centre + 2) clipped, so 2 to 4 rows and columns here.
BOOST_AUTO_TEST_CASE(cutout_zeroes_one_clipped_square_in_all_channels) {
  std::set<std::size_t> areas;
  for (std::uint32_t image = 0; image < 300; ++image) {
    const std::vector<float> out = augmented({.normalisation = kBytes, .cutout = 4}, {7, 0, image});
    const auto zeros = static_cast<std::size_t>(std::count(out.begin(), out.begin() + 64, 0.0f));
    areas.insert(zeros);
    for (std::size_t i = 0; i < 64; ++i) {
      BOOST_TEST((out[i] == 0) == (out[i + 64] == 0));
      BOOST_TEST((out[i] == 0) == (out[i + 128] == 0));
    }
  }
  BOOST_TEST(areas == (std::set<std::size_t>{4, 6, 8, 9, 12, 16}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(cutout_larger_than_the_image_is_clipped) {
  const std::vector<float> out = augmented({.normalisation = kBytes, .cutout = 100}, {7, 0, 0});
  BOOST_TEST(std::ranges::count(out, 0.0f) == 192);
}

BOOST_AUTO_TEST_CASE(pad_larger_than_the_image_stays_inside_the_buffers) {
  for (std::uint32_t image = 0; image < 100; ++image) {
    for (float value : augmented({.normalisation = kBytes, .pad = 40, .flip = true}, {7, 0, image}))
      BOOST_TEST((value >= 0 && value <= 256));
  }
}

BOOST_AUTO_TEST_CASE(each_part_of_the_address_matters) {
  const Transform transform{.normalisation = kBytes, .pad = 4, .flip = true, .cutout = 4};
  std::set<std::vector<float>> results;
  for (const AugmentAddress address : {AugmentAddress{1, 1, 1}, {2, 1, 1}, {1, 2, 1}, {1, 1, 2}, {1, 1, 1}})
    results.insert(augmented(transform, address));
  BOOST_TEST(results.size() == 4u);
}

BOOST_AUTO_TEST_CASE(switching_cutout_off_leaves_crop_and_flip_as_they_were) {
  for (std::uint32_t image = 0; image < 50; ++image) {
    const Transform with{.normalisation = kBytes, .pad = 2, .flip = true, .cutout = 4};
    const Transform without{.normalisation = kBytes, .pad = 2, .flip = true};
    const std::vector<float> cut = augmented(with, {7, 0, image}), whole = augmented(without, {7, 0, image});
    for (std::size_t i = 0; i < cut.size(); ++i)
      BOOST_TEST((cut[i] == 0 || cut[i] == whole[i]));
  }
}

BOOST_AUTO_TEST_CASE(sizes_that_do_not_fit_are_refused) {
  const Bytes pixels(192);
  std::vector<float> out(191);
  BOOST_CHECK_EXCEPTION(ockham::data::augment({}, kShape, {}, pixels, out), std::invalid_argument,
                        (Says{{"3x8x8", "192", "191"}}));
  out.resize(192);
  BOOST_CHECK_EXCEPTION(ockham::data::augment({.normalisation = {}, .pad = -1}, kShape, {}, pixels, out),
                        std::invalid_argument, (Says{{"pad -1"}}));
}

BOOST_AUTO_TEST_CASE(every_named_data_set_has_its_constants) {
  BOOST_TEST(normalisation_of("cifar10").mean[0] == 0.49139968f);
  BOOST_TEST(normalisation_of("folder").std[2] == 0.225f);
  BOOST_CHECK_EXCEPTION(normalisation_of("cifar"), std::invalid_argument, (Says{{"'cifar'", "cifar10"}}));
}

BOOST_AUTO_TEST_SUITE_END()
