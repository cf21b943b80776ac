#include "data/colour.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "tests/data/samples.h"
#include "tests/support.h"

using namespace ockham::data;
using namespace ockham::test;

namespace {

constexpr ImageShape kTwoByThree{3, 2, 3};
const Bytes kColours{200, 10, 90, 255, 17, 128, 30, 240, 90, 255, 33, 0, 60, 130, 90, 0, 201, 64};

Bytes changed(ColourChange change, Bytes pixels = kColours) {
  change_colours(change, kTwoByThree, pixels);
  return pixels;
}

Stream stream(std::uint32_t image) {
  return {7, Purpose::kColour, 0, image};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(colour)

// Expected bytes: Pillow 13.0, ImageEnhance, and its mode HSV as torchvision's adjust_hue uses it.
BOOST_AUTO_TEST_CASE(each_change_gives_the_bytes_of_pillow) {
  BOOST_TEST(changed({}) == kColours);
  BOOST_TEST(changed({.brightness = 1.3}) ==
             (Bytes{255, 13, 116, 255, 22, 166, 39, 255, 116, 255, 42, 0, 78, 169, 116, 0, 255, 83}));
  BOOST_TEST(changed({.brightness = 0.7}) ==
             (Bytes{140, 7, 63, 178, 11, 89, 21, 168, 63, 178, 23, 0, 42, 91, 63, 0, 140, 44}));
  BOOST_TEST(changed({.contrast = 1.4}) ==
             (Bytes{236, 0, 82, 255, 0, 135, 0, 255, 82, 255, 2, 0, 40, 138, 82, 0, 237, 46}));
  BOOST_TEST(changed({.contrast = 0.6}) ==
             (Bytes{163, 49, 97, 196, 53, 120, 61, 187, 97, 196, 63, 43, 79, 121, 97, 43, 164, 82}));
  BOOST_TEST(changed({.saturation = 1.4}) ==
             (Bytes{246, 0, 90, 255, 5, 160, 8, 255, 90, 255, 27, 0, 50, 118, 90, 0, 255, 71}));
  BOOST_TEST(changed({.saturation = 0.6}) ==
             (Bytes{153, 69, 90, 243, 29, 95, 51, 207, 90, 243, 38, 18, 69, 141, 90, 90, 139, 56}));
  BOOST_TEST(changed({.hue = 0.17}) ==
             (Bytes{200, 10, 90, 0, 186, 128, 166, 118, 90, 255, 17, 60, 31, 240, 90, 0, 201, 0}));
  BOOST_TEST(changed({.hue = -0.2}) ==
             (Bytes{134, 167, 90, 255, 17, 36, 31, 240, 90, 0, 201, 0, 200, 10, 90, 48, 147, 128}));
  BOOST_TEST(changed({.brightness = 1.25, .contrast = 0.8, .saturation = 1.1, .hue = -0.1}) ==
             (Bytes{235, 21, 114, 230, 39, 145, 49, 234, 114, 95, 176, 19, 193, 26, 114, 5, 240, 160}));
}

BOOST_AUTO_TEST_CASE(order_matters_and_grey_pictures_have_no_colour_to_change) {
  using enum ColourChange::Step;
  BOOST_TEST(changed({.order = {kContrast, kBrightness, kSaturation, kHue}, .brightness = 1.3, .contrast = 0.6}) !=
             changed({.brightness = 1.3, .contrast = 0.6}));
  Bytes grey{10, 100, 200, 30, 40, 50};
  const Bytes before = grey;
  change_colours({.saturation = 1.4, .hue = 0.2}, {1, 2, 3}, grey);
  BOOST_TEST(grey == before);
  change_colours({.brightness = 0.5}, {1, 2, 3}, grey);
  BOOST_TEST(grey == (Bytes{5, 50, 100, 15, 20, 25}));
}

BOOST_AUTO_TEST_CASE(draws_fill_their_ranges_in_all_orders_and_repeat) {
  constexpr ColourJitter kJitter{.brightness = 0.4, .contrast = 0.3, .saturation = 0.2, .hue = 0.1};
  std::set<std::array<ColourChange::Step, 4>> orders;
  double least = 2.0, most = 0.0, least_hue = 1.0, most_hue = -1.0;
  for (std::uint32_t image = 0; image < 500; ++image) {
    Stream random = stream(image), again = stream(image);
    const ColourChange change = draw_change(kJitter, random);
    BOOST_TEST(draw_change(kJitter, again).contrast == change.contrast);
    orders.insert(change.order);
    least = std::min(least, change.brightness), most = std::max(most, change.brightness);
    least_hue = std::min(least_hue, change.hue), most_hue = std::max(most_hue, change.hue);
    BOOST_TEST(std::abs(change.contrast - 1.0) <= 0.3);
    BOOST_TEST(std::abs(change.saturation - 1.0) <= 0.2);
  }
  BOOST_TEST(orders.size() == 24u);
  BOOST_TEST((least >= 0.6 && least < 0.61 && most <= 1.4 && most > 1.39));
  BOOST_TEST((least_hue >= -0.1 && least_hue < -0.098 && most_hue <= 0.1 && most_hue > 0.098));
}

BOOST_AUTO_TEST_SUITE_END()
