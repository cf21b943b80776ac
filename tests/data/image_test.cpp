#include "data/error.h"
#include "data/image/decode.h"
#include "tests/data/samples.h"
#include "tests/support.h"

using namespace ockham::data;
using namespace ockham::test;

namespace {

Picture gray(std::int64_t height, std::int64_t width, Bytes pixels) {
  return {{1, height, width}, std::move(pixels)};
}

/// Pixel i is 37 i mod 256.
Picture pattern(std::int64_t height, std::int64_t width) {
  Picture picture = gray(height, width, {});
  for (std::int64_t i = 0; i < height * width; ++i)
    picture.pixels.push_back(static_cast<std::uint8_t>(37 * i));
  return picture;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(image)

// Expected values: Pillow 12.0, Image.resize(size, Image.BILINEAR).
BOOST_AUTO_TEST_CASE(shrinking_and_growing_equal_pillow) {
  const Bytes small = resize(pattern(5, 7), 2, 3).pixels;
  BOOST_TEST(small == (Bytes{35, 114, 193, 41, 120, 199}), boost::test_tools::per_element());
  const Bytes big = resize(pattern(5, 7), 6, 9).pixels;
  BOOST_TEST(Bytes(big.begin(), big.begin() + 9) == (Bytes{0, 25, 53, 82, 111, 140, 169, 197, 222}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(same_size_changes_nothing) {
  BOOST_TEST(resize(pattern(5, 7), 5, 7).pixels == pattern(5, 7).pixels);
}

BOOST_AUTO_TEST_CASE(shorter_side_fits_and_the_centre_is_cut) {
  const Picture wide = fit_square(gray(1, 5, {1, 2, 3, 4, 5}), 1);
  BOOST_TEST(wide.pixels == (Bytes{3}), boost::test_tools::per_element());
  const Picture tall = fit_square(gray(4, 2, {1, 2, 3, 4, 5, 6, 7, 8}), 2);
  BOOST_TEST(tall.pixels == (Bytes{3, 4, 5, 6}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(channels_do_not_mix) {
  const Picture colour = decode_picture("a.jpg", png(6, 4, 10, 20, 30));
  BOOST_TEST((colour.shape == ImageShape{3, 4, 6}));
  const Picture small = fit_square(colour, 2);
  BOOST_TEST(small.pixels == (Bytes{10, 10, 10, 10, 20, 20, 20, 20, 30, 30, 30, 30}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_picture_are_refused) {
  BOOST_CHECK_EXCEPTION(decode_picture("x.jpg", {}), DataError, (Says{{"x.jpg", "0 bytes"}}));
  BOOST_CHECK_EXCEPTION(decode_picture("x.jpg", Bytes{1, 2, 3, 4}), DataError, (Says{{"x.jpg", "not a JPEG or PNG"}}));
}

BOOST_AUTO_TEST_CASE(huge_and_thread_like_pictures_are_refused_by_their_header) {
  const auto without_pixels = [](std::uint32_t width, std::uint32_t height) {
    Bytes bytes = png_head(width, height);
    append_chunk(bytes, "IEND", {});
    return bytes;
  };
  BOOST_CHECK_EXCEPTION(decode_picture("huge.png", without_pixels(12000, 12000)), DataError,
                        (Says{{"12000x12000", "100 million"}}));
  BOOST_CHECK_EXCEPTION(decode_picture("thread.png", without_pixels(1, 101)), DataError, (Says{{"1x101", "1:100"}}));
}

BOOST_AUTO_TEST_CASE(picture_that_is_cut_anywhere_is_refused) {
  const Bytes whole = png(20, 20, 1, 2, 3);
  for (std::size_t size = 1; size < whole.size(); ++size)
    BOOST_CHECK_THROW(decode_picture("cut.png", Bytes(whole.begin(), whole.begin() + static_cast<long>(size))),
                      DataError);
}

BOOST_AUTO_TEST_SUITE_END()
