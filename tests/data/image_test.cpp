#include "data/error.h"
#include "data/image/decode.h"
#include "tests/data/samples.h"
#include "tests/support.h"

using namespace ockham::data;
using namespace ockham::test;

BOOST_AUTO_TEST_SUITE(image)

BOOST_AUTO_TEST_CASE(channels_do_not_mix) {
  const Picture colour = decode_picture("a.jpg", png(6, 4, 10, 20, 30));
  BOOST_TEST((colour.shape == ImageShape{3, 4, 6}));
  const Picture small = fit_square(colour, {.side = 2});
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
