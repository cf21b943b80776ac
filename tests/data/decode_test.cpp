// Pictures as files have them, sound and hostile, by each decoder.
#include "data/image/decode.h"

#include <functional>

#include "data/error.h"
#include "data/file.h"
#include "data/image/decoders.h"
#include "tests/data/samples.h"
#include "tests/support.h"

using namespace ockham::data;
using namespace ockham::test;

namespace {

const bool kHasLibjpeg = jpeg_decoder() != "stb_image";

/// The three values of the first pixel.
std::vector<int> colour(const Picture& picture) {
  const auto plane = static_cast<std::size_t>(picture.shape.height * picture.shape.width);
  return {picture.pixels[0], picture.pixels[plane], picture.pixels[2 * plane]};
}

/// A JPEG in which one thing is wrong, and what is said of it.
struct Fault {
  std::string says;
  Bytes bytes;
};

/// The picture with its parts changed.
Bytes changed(const std::function<void(JpegParts&)>& change, const std::vector<int>& levels = {0}) {
  JpegParts parts(levels);
  change(parts);
  return parts.bytes();
}

/// A Huffman table with `count` codes of 9 bits and one of each of `more` lengths above.
Bytes huffman_table(std::uint8_t place, std::uint8_t count, int more) {
  Bytes table(17 + std::size_t{count} + static_cast<std::size_t>(more));
  table[0] = place;
  table[9] = count;
  for (int i = 0; i < more; ++i)
    table[10 + static_cast<std::size_t>(i)] = 1;
  return segment(0xC4, table);
}

/// A scan of a progressive picture of one component: coefficients first to last, bits high and low.
Bytes progressive_scan(std::uint8_t first, std::uint8_t last, std::uint8_t high_low) {
  return segment(0xDA, {1, 0, 0, first, last, high_low});
}

std::vector<Fault> table_faults() {
  return {
      {"more than 256 codes", changed([](JpegParts& p) { p.dc_table = huffman_table(0, 255, 2); })},
      {"more than 256 codes", changed([](JpegParts& p) { p.ac_table = huffman_table(0x10, 255, 7); })},
      {"place that does not exist", changed([](JpegParts& p) { p.dc_table[4] = 4; })},
      {"place that does not exist", changed([](JpegParts& p) { p.ac_table[4] = 0x20; })},
      {"more codes of a length", changed([](JpegParts& p) {
         p.dc_table = segment(0xC4, {0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2});
       })},
      {"Huffman table that is cut off", changed([](JpegParts& p) { p.dc_table = segment(0xC4, Bytes(16)); })},
      {"Huffman table that is cut off", changed([](JpegParts& p) { p.dc_table[5] = 9; })},
      {"quantisation table in a place", changed([](JpegParts& p) { p.quantisation[4] = 4; })},
      {"quantisation table in a place", changed([](JpegParts& p) { p.quantisation[4] = 0x20; })},
      {"quantisation table that is cut off", changed([](JpegParts& p) { p.quantisation[4] = 0x10; })},
      {"before it is there", changed([](JpegParts& p) { p.quantisation = {}; })},
      {"before it is there", changed([](JpegParts& p) { p.dc_table = {}; })},
      {"before it is there", changed([](JpegParts& p) { p.ac_table = {}; })},
  };
}

std::vector<Fault> frame_faults() {
  return {
      {"no frame", changed([](JpegParts& p) { p.frame = p.scan = p.coded = {}; })},
      {"fits no frame", changed([](JpegParts& p) { p.frame = {}; })},
      {"second frame", changed([](JpegParts& p) {
         p.frame = joined({p.frame, p.frame});
       })},
      {"of the wrong length", changed([](JpegParts& p) { p.frame = segment(0xC0, Bytes(5)); })},
      {"of the wrong length", changed([](JpegParts& p) { p.frame[9] = 3; })},
      {"8 bits", changed([](JpegParts& p) { p.frame[4] = 12; })},
      {"1, 3 or 4 components", JpegParts({0, 0}).bytes()},
      {"impossible sampling", changed([](JpegParts& p) { p.frame[11] = 0x01; })},
      {"impossible sampling", changed([](JpegParts& p) { p.frame[11] = 0x15; })},
      {"impossible sampling", changed([](JpegParts& p) { p.frame[12] = 4; })},
      {"of one name", changed([](JpegParts& p) { p.frame[13] = 0; }, {0, 0, 0})},
      {"that no Huffman-coded", changed([](JpegParts& p) { p.frame[1] = 0xC9; })},  // arithmetic
      {"that no Huffman-coded", changed([](JpegParts& p) { p.frame[1] = 0xC3; })},  // lossless
  };
}

std::vector<Fault> scan_faults() {
  const auto progressive = [](JpegParts& p) { p.frame[1] = 0xC2; };
  return {
      {"fits no frame", changed([](JpegParts& p) {
         p.scan = segment(0xDA, {0, 0, 63, 0});
       })},
      {"fits no frame", changed([](JpegParts& p) { p.scan = segment(0xDA, {}); })},
      {"component or table", changed([](JpegParts& p) { p.scan[5] = 7; })},
      {"component or table", changed([](JpegParts& p) { p.scan[6] = 0x40; })},
      {"component or table", changed([](JpegParts& p) { p.scan[6] = 0x04; })},
      {"do not go together", changed([](JpegParts& p) { p.scan[8] = 64; })},
      {"do not go together", changed([&](JpegParts& p) { progressive(p); })},  // 0 to 63
      {"builds on one", changed([&](JpegParts& p) { progressive(p), p.scan = progressive_scan(1, 5, 0); })},
      {"builds on one", changed([&](JpegParts& p) { progressive(p), p.scan = progressive_scan(0, 0, 0x10); })},
      {"without a scan", changed([](JpegParts& p) { p.scan = progressive_scan(0, 63, 0); }, {0, 0, 0})},
      {"without a scan", changed([](JpegParts& p) { p.scan = p.coded = {}; })},
      {"no end marker", changed([](JpegParts& p) { p.end = {}; })},
      {"beyond the end", changed([](JpegParts& p) {
         p.end = {0xFF, 0xFE, 0, 3};
       })},
      {"beyond the end", changed([](JpegParts& p) { p.end = {0xFF, 0xFE, 0, 1, 0xFF, 0xD9}; })},
  };
}

Bytes with_scans(int count) {
  return changed([&](JpegParts& p) {
    p.frame[1] = 0xC2;
    p.scan = progressive_scan(0, 0, 0);
    const Bytes more = joined({progressive_scan(1, 63, 0), Bytes{0x7F}});
    for (int i = 1; i < count; ++i)
      p.coded = joined({p.coded, more});
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(decode)

BOOST_AUTO_TEST_CASE(first_bytes_tell_the_format) {
  BOOST_TEST((format_of(JpegParts().bytes()) == PictureFormat::kJpeg));
  BOOST_TEST((format_of(png(1, 1, 0, 0, 0)) == PictureFormat::kPng));
  for (const Bytes& none :
       {Bytes{}, Bytes{0xFF, 0xD8}, Bytes{0x89, 'P', 'N', 'G'}, Bytes{'G', 'I', 'F', '8', '9', 'a'}})
    BOOST_TEST((format_of(none) == PictureFormat::kNone));
}

BOOST_AUTO_TEST_CASE(levels_of_a_jpeg_come_out_of_both_decoders) {
  for (int level : {0, 8, 15, -8, -15}) {
    const Bytes bytes = JpegParts({level}).bytes();
    BOOST_TEST(jpeg_fault(bytes) == "");
    const Bytes expected(3 * 64, static_cast<std::uint8_t>(128 + 8 * level));
    const Picture picture = decode_picture("gray", bytes);
    BOOST_TEST((picture.shape == ImageShape{3, 8, 8}));
    BOOST_TEST(picture.pixels == expected, boost::test_tools::per_element());
    BOOST_TEST(decode_with_stb("gray", bytes).pixels == expected, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(decoders_agree_to_a_few_levels) {
  int pictures = 0;
  for (const auto& entry : std::filesystem::directory_iterator(OCKHAM_SOURCE_DIR "/tests/fuzz/corpus_image")) {
    const std::vector<std::uint8_t> bytes = read_file("test", entry.path(), 1 << 16);
    const Picture a = decode_picture(entry.path().string(), bytes), b = decode_with_stb("stb", bytes);
    BOOST_TEST((a.shape == b.shape));
    double difference = 0;
    for (std::size_t i = 0; i < a.pixels.size(); ++i)
      difference += std::abs(a.pixels[i] - b.pixels[i]);
    BOOST_TEST(difference / static_cast<double>(a.pixels.size()) < 1.5, entry.path());
    ++pictures;
  }
  BOOST_TEST(pictures >= 16);
}

// T.871: R = Y + 1.402 Cr, G = Y - 0.344136 Cb - 0.714136 Cr, B = Y + 1.772 Cb.
BOOST_AUTO_TEST_CASE(colours_of_a_jpeg_are_converted) {
  const Bytes bytes = JpegParts({0, 8, -8}).bytes();
  const std::vector<int> expected{128 - 90, 128 - 22 + 46, 128 + 113};
  for (const Picture& picture : {decode_picture("colour", bytes), decode_with_stb("colour", bytes)})
    for (std::size_t c = 0; c < 3; ++c)
      BOOST_TEST(std::abs(colour(picture)[c] - expected[c]) <= 1);
}

BOOST_AUTO_TEST_CASE(four_inks_are_taken_as_inverted) {
  const std::vector<int> rgb = colour(decode_picture("inks", [] {
    JpegParts parts({8, 0, -8, 15});  // 192, 128, 64, 248 of cyan, magenta, yellow, black
    parts.start = joined({parts.start, segment(0xEE, {'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 0})});
    return parts.bytes();
  }()));
  BOOST_TEST(rgb == (std::vector<int>{187, 124, 62}), boost::test_tools::per_element());  // ink * 248 / 255
}

BOOST_AUTO_TEST_CASE(contradictions_are_found_before_a_decoder_sees_a_byte) {
  for (const std::vector<Fault>& faults : {table_faults(), frame_faults(), scan_faults()})
    for (const Fault& fault : faults) {
      const std::string found = jpeg_fault(fault.bytes);
      BOOST_TEST(found.find(fault.says) != std::string::npos, found << " for " << fault.says);
      BOOST_CHECK_EXCEPTION(decode_picture("a.jpg", fault.bytes), DataError, (Says{{"a.jpg (", fault.says}}));
    }
}

BOOST_AUTO_TEST_CASE(tables_with_room_for_all_codes_are_sound) {
  const Bytes bytes = changed([](JpegParts& p) {
    Bytes table(17 + 256);
    table[0] = 0x11;
    table[9] = 255;
    table[10] = 1;
    p.ac_table = joined({p.ac_table, segment(0xC4, table)});
  });
  BOOST_TEST(jpeg_fault(bytes) == "");
  BOOST_TEST(decode_picture("full", bytes).pixels[0] == 128);
}

BOOST_AUTO_TEST_CASE(padding_and_unknown_applications_are_skipped) {
  const Bytes bytes = changed([](JpegParts& p) {
    p.start = joined({p.start, segment(0xE7, {1, 2, 3, 0xFF, 0xC4}), {0xFF, 0xFF}});
    p.start.pop_back();  // one fill byte before the next marker
    p.coded.push_back(0);
  });
  BOOST_TEST(jpeg_fault(bytes) == "");
  BOOST_TEST(decode_picture("padded", bytes).pixels[0] == 128);
}

BOOST_AUTO_TEST_CASE(scans_without_end_are_refused) {
  BOOST_TEST(jpeg_fault(with_scans(100)) == "");
  BOOST_TEST(jpeg_fault(with_scans(101)) == "more than 100 scans");
  BOOST_TEST(decode_picture("scans.jpg", with_scans(100)).pixels[0] == 128);
  BOOST_CHECK_EXCEPTION(decode_picture("scans.jpg", with_scans(101)), DataError,
                        (Says{{"scans.jpg", "more than 100 scans"}}));
}

BOOST_AUTO_TEST_CASE(picture_that_lacks_pixels_is_refused_not_painted_gray) {
  const Bytes bytes = changed([](JpegParts& p) { p.frame[6] = 64; });  // eight blocks of which one is there
  if (kHasLibjpeg)
    BOOST_CHECK_EXCEPTION(decode_picture("part.jpg", bytes), DataError,
                          (Says{{"part.jpg", "premature end", "cut off"}}));
  const Bytes vast = changed([](JpegParts& p) { p.frame[5] = p.frame[7] = 0x20; });  // 8200 x 8200
  BOOST_CHECK_EXCEPTION(decode_picture("vast.jpg", vast), DataError,
                        (Says{{"vast.jpg", "cannot hold the 8200x8200 pixels"}}));
}

BOOST_AUTO_TEST_CASE(pictures_that_broke_stb_are_refused) {
  for (const char* name : {"jpeg_asan_heap_overflow.jpg", "jpeg_segv_gcc.jpg"}) {
    const std::filesystem::path path = shared_folder() / "cases" / name;
    if (shared_folder().empty() || !std::filesystem::exists(path))
      return skip("the shared folder lacks " + std::string(name));
    const std::vector<std::uint8_t> bytes = read_file("test", path, 1 << 20);
    BOOST_TEST(jpeg_fault(bytes) != "");
    BOOST_CHECK_EXCEPTION(decode_picture(name, bytes), DataError, (Says{{name}}));
  }
}

BOOST_AUTO_TEST_CASE(chunk_with_another_checksum_is_refused) {
  const Bytes whole = png(20, 20, 1, 2, 3);
  for (std::size_t at = kSignatureBytes; at < whole.size(); ++at) {
    Bytes flipped = whole;
    flipped[at] ^= 4;
    BOOST_CHECK_THROW(decode_picture("flipped.png", flipped), DataError);
  }
  Bytes text = png_head(1, 1);
  append_chunk(text, "tEXt", {'a', 0, 'b'});
  text.back() ^= 1;  // tells nothing of the pixels
  append_chunk(text, "IDAT", packed({0, 7, 8, 9}));
  append_chunk(text, "IEND", {});
  BOOST_TEST(colour(decode_picture("text.png", text)) == (std::vector<int>{7, 8, 9}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(colours_that_a_palette_lacks_are_black) {
  Bytes bytes = png_head(3, 1, 3);
  append_chunk(bytes, "PLTE", {10, 20, 30, 40, 50, 60});
  append_chunk(bytes, "IDAT", packed({0, 1, 2, 255}));
  append_chunk(bytes, "IEND", {});
  const Bytes expected{40, 0, 0, 50, 0, 0, 60, 0, 0};
  BOOST_TEST(decode_picture("palette.png", bytes).pixels == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(palette_after_the_end_is_not_looked_at) {
  Bytes bytes = png(8, 8, 1, 2, 3);
  bytes.insert(bytes.end(), {0, 0, 0, 0xFF, 'P', 'L', 'T', 'E', 0, 0, 0, 0});  // 255 bytes that are not there
  BOOST_TEST(colour(decode_picture("tail.png", bytes)) == (std::vector<int>{1, 2, 3}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(small_file_cannot_take_all_memory) {
  Bytes bomb = png_head(8, 8);
  append_chunk(bomb, "IDAT", packed(Bytes(4'000'000)));
  append_chunk(bomb, "IEND", {});
  BOOST_TEST(bomb.size() < 5'000u);
  decode_picture("bomb.png", bomb);  // 8x8 pixels are there, the rest is too much
}

BOOST_AUTO_TEST_CASE(picture_of_apples_phones_is_refused) {
  Bytes bytes{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  append_chunk(bytes, "CgBI", {0, 0, 0, 0});
  const Bytes rest = png(8, 8, 1, 2, 3);
  bytes.insert(bytes.end(), rest.begin() + kSignatureBytes, rest.end());
  BOOST_CHECK_EXCEPTION(decode_picture("phone.png", bytes), DataError, (Says{{"Apple"}}));
}

BOOST_AUTO_TEST_SUITE_END()
