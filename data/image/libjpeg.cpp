#ifdef OCKHAM_LIBJPEG
#include <array>
#include <csetjmp>
#include <cstdio>
#include <vector>
// jpeglib.h needs <cstdio>.
#include <jerror.h>
#include <jpeglib.h>

#include "data/image/decoders.h"

namespace ockham::data {
namespace {

/// Does this warning tell of damage that libjpeg paints over? Others tell of bytes too many or of odd versions.
bool costs_pixels(int warning) {
  return warning != JWRN_EXTRANEOUS_DATA && warning != JWRN_JFIF_MAJOR && warning != JWRN_ADOBE_XFORM;
}

/// What libjpeg works with, and how it gives up: it jumps to the last attempt() with a message.
struct Decoder {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf given_up{};
  std::array<char, JMSG_LENGTH_MAX> message{};

  Decoder() {
    info.err = jpeg_std_error(&errors);
    info.client_data = this;
    errors.error_exit = [](j_common_ptr common) { of(common).give_up(); };
    errors.emit_message = [](j_common_ptr common, int level) {
      if (level < 0 && costs_pixels(common->err->msg_code))
        of(common).give_up();
    };
    errors.output_message = [](j_common_ptr) {};
    progress.progress_monitor = [](j_common_ptr common) {
      if (of(common).info.input_scan_number > kScanLimit)
        of(common).give_up("more than 100 scans");
    };
  }
  ~Decoder() { jpeg_destroy_decompress(&info); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  static Decoder& of(j_common_ptr common) { return *static_cast<Decoder*>(common->client_data); }

  [[noreturn]] void give_up() {
    errors.format_message(reinterpret_cast<j_common_ptr>(&info), message.data());
    std::longjmp(given_up, 1);
  }
  [[noreturn]] void give_up(const char* reason) {
    std::snprintf(message.data(), message.size(), "%s", reason);
    std::longjmp(given_up, 1);
  }
};

/// False if libjpeg gave up. HAZARD: `step` must own nothing, for it is left without destructors.
template <class Step>
bool attempt(Decoder& decoder, Step step) {
  if (setjmp(decoder.given_up) != 0)
    return false;
  step();
  return true;
}

void read_header(Decoder& decoder, std::span<const std::uint8_t> bytes) {
  jpeg_decompress_struct& info = decoder.info;
  jpeg_create_decompress(&info);
  info.progress = &decoder.progress;
  info.mem->max_memory_to_use = static_cast<long>(kDecoderBytes);
  jpeg_mem_src(&info, bytes.data(), bytes.size());
  jpeg_read_header(&info, TRUE);
  if (info.arith_code != 0)
    decoder.give_up("it is coded arithmetically, which few programs read");
  info.out_color_space = info.num_components == 4 ? JCS_CMYK : JCS_RGB;
}

/// a b / 255, rounded.
std::uint8_t scale(std::uint8_t a, std::uint8_t b) {
  const int product = a * b + 128;
  return static_cast<std::uint8_t>((product + (product >> 8)) >> 8);
}

/// Rows of pixels, `info.output_components` bytes each, into planes.
void read_rows(jpeg_decompress_struct& info, std::span<std::uint8_t> row, std::span<std::uint8_t> planes) {
  jpeg_start_decompress(&info);
  const std::size_t plane = planes.size() / 3, components = static_cast<std::size_t>(info.output_components);
  for (std::uint8_t* out = planes.data(); info.output_scanline < info.output_height; out += info.output_width) {
    JSAMPROW line = row.data();
    jpeg_read_scanlines(&info, &line, 1);
    const std::uint8_t* pixel = row.data();
    for (std::size_t x = 0; x < info.output_width; ++x, pixel += components)
      for (std::size_t c = 0; c < 3; ++c)  // CMYK is stored inverted: 255 is no ink
        out[c * plane + x] = components == 4 ? scale(pixel[c], pixel[3]) : pixel[c];
  }
  jpeg_finish_decompress(&info);
}

}  // namespace

Picture decode_with_libjpeg(std::string_view name, std::span<const std::uint8_t> bytes) {
  Decoder decoder;
  if (!attempt(decoder, [&] { read_header(decoder, bytes); }))
    refuse(name, bytes, decoder.message.data());
  const std::int64_t height = decoder.info.image_height, width = decoder.info.image_width;
  check_size(name, width, height, bytes.size(), kJpegPixelsPerByte);
  Picture picture{{3, height, width}, std::vector<std::uint8_t>(static_cast<std::size_t>(3 * height * width))};
  std::vector<std::uint8_t> row(static_cast<std::size_t>(4 * width));
  if (!attempt(decoder, [&] { read_rows(decoder.info, row, picture.pixels); }))
    refuse(name, bytes, decoder.message.data());
  return picture;
}

}  // namespace ockham::data
#endif
