// Resizing byte for byte as Pillow does: against the digests that pillow_resize.py printed, and against the Pillow at
// hand.
#include "data/image/resize.h"

#include <fstream>
#include <sstream>

#include "data/digest.h"
#include "tests/data/samples.h"
#include "tests/support.h"

using namespace ockham::data;
using namespace ockham::test;

namespace {

struct Case {
  const char* text;    ///< as pillow_resize.py takes it
  const char* digest;  ///< how its SHA-256 begins by Pillow 12.0
};

constexpr Case kCases[] = {
    {"5 7 resize 2 3", "2d10040ef6f74a87"},
    {"5 7 resize 6 9", "c9c8570d1fc525dd"},
    {"5 7 resize 5 7", "f36ab47f4cb280e6"},
    {"5 7 resize 1 1", "5d89b197c157a82b"},
    {"1 1 resize 9 4", "c0a3c2c54aed1c0a"},
    {"37 53 resize 37 20", "031aab8aeb5d3240"},
    {"37 53 resize 80 53", "49f578429b719d90"},
    {"37 53 resize 224 224", "0c198681cbabb3bc"},
    {"97 131 resize 64 64", "a375ed9444785c2a"},
    {"240 320 resize 32 43", "093057dcaa40ade5"},
    {"240 320 fit 224 224", "62bcf2802e77faae"},
    {"321 240 fit 224 224", "3434532b26e8a665"},
    {"321 240 fit 256 224", "d2dcde3407fcaa12"},
    {"75 56 fit 34 32", "774bfd781a3340bb"},
    {"56 75 fit 37 32", "17027ea7ff8e3923"},
    {"343 257 fit 256 223", "23a32b200ddeda41"},
    {"90 33 fit 33 33", "4d50677c2784d0ec"},
    {"64 64 fit 64 32", "250ec50f39ecec55"},
    {"101 400 fit 80 80", "0cad15c888739a81"},
    {"240 320 crop 13 27 200 179 224", "8a50e4c026cd3e59"},
    {"240 320 crop 0 0 240 320 64", "27e318cfd7f4fa2d"},
    {"75 56 crop 70 50 5 6 32", "9dc099034ddce8b4"},
};

/// As pillow_resize.py makes it.
Picture noise(std::int64_t height, std::int64_t width) {
  Picture picture{{3, height, width}, {}};
  std::uint32_t state = 1;
  for (std::int64_t i = 0; i < picture.shape.count(); ++i) {
    state = state * 1664525 + 1013904223;
    picture.pixels.push_back(static_cast<std::uint8_t>(state >> 24));
  }
  return picture;
}

Picture made(const std::string& text) {
  std::istringstream words(text);
  std::int64_t height = 0, width = 0, a = 0, b = 0;
  std::string what;
  words >> height >> width >> what >> a >> b;
  const Picture picture = noise(height, width);
  if (what == "resize")
    return resize(picture, a, b);
  if (what == "fit")
    return fit_square(picture, {.side = b, .shorter = a});
  Box box{a, b, 0, 0};
  std::int64_t side = 0;
  words >> box.height >> box.width >> side;
  return resize(crop(picture, box), side, side);
}

std::string digest_of(const std::string& text) {
  Digest digest;
  digest.add(made(text).pixels);
  return digest.hex();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(resize)

BOOST_AUTO_TEST_CASE(bytes_equal_those_of_pillow_12) {
  for (const auto& [text, digest] : kCases)
    BOOST_TEST(digest_of(text).starts_with(digest), text << ": " << digest_of(text));
}

// Pillow 13 filters columns first where the height shrinks much more than the width.
BOOST_AUTO_TEST_CASE(rows_come_first_in_narrow_pictures_too) {
  BOOST_TEST(digest_of("300 3 resize 7 11").starts_with("9fbc64455c2c07f7"));
}

BOOST_AUTO_TEST_CASE(bytes_equal_those_of_the_pillow_at_hand) {
  const char* given = std::getenv("OCKHAM_PYTHON");
  const std::string python = given ? given : "python3";
  if (std::system((python + " -c 'import PIL' 2>/dev/null").c_str()) != 0)
    return skip(python + " has no Pillow; name one that has by OCKHAM_PYTHON");
  const TemporaryFolder folder;
  const std::filesystem::path out = folder.path() / "digests";
  std::string command = python + " '" + OCKHAM_SOURCE_DIR "/tests/data/pillow_resize.py'";
  for (const Case& each : kCases)
    command += std::string(" '") + each.text + "'";
  BOOST_TEST_REQUIRE(std::system((command + " > '" + out.string() + "'").c_str()) == 0);
  std::ifstream digests(out);
  for (const Case& each : kCases) {
    std::string expected;
    BOOST_TEST(!(digests >> expected).fail());
    BOOST_TEST(digest_of(each.text) == expected, each.text);
  }
}

BOOST_AUTO_TEST_CASE(a_part_is_what_the_whole_holds_there) {
  const Picture picture = noise(41, 67);
  const Box part{3, 5, 11, 13};
  BOOST_TEST(resize_part(picture, 20, 30, part).pixels == crop(ockham::data::resize(picture, 20, 30), part).pixels);
  BOOST_CHECK_EXCEPTION(resize_part(picture, 20, 30, {10, 5, 11, 13}), std::invalid_argument,
                        (Says{{"11x13 at (10, 5)", "20x30"}}));
}

BOOST_AUTO_TEST_CASE(same_size_changes_nothing) {
  BOOST_TEST(ockham::data::resize(noise(5, 7), 5, 7).pixels == noise(5, 7).pixels);
}

BOOST_AUTO_TEST_CASE(shorter_side_fits_and_the_centre_is_cut) {
  const Picture wide = fit_square({{1, 1, 5}, {1, 2, 3, 4, 5}}, {.side = 1});
  BOOST_TEST(wide.pixels == (Bytes{3}), boost::test_tools::per_element());
  const Picture tall = fit_square({{1, 4, 2}, {1, 2, 3, 4, 5, 6, 7, 8}}, {.side = 2});
  BOOST_TEST(tall.pixels == (Bytes{3, 4, 5, 6}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
