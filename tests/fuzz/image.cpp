// Any bytes are a picture or a DataError, by either decoder, and the same bytes are the same picture: what was never
// written must not be read.
#include <zlib.h>

#include <optional>

#include "data/error.h"
#include "data/image/decode.h"
#include "data/image/decoders.h"
#include "tests/fuzz/target.h"

using namespace ockham::data;

namespace {

using PictureFile = std::vector<std::uint8_t>;

/// The file with right CRCs: without them a changed PNG would never get past the check.
PictureFile with_right_sums(PictureFile png) {
  for (std::size_t at = kSignatureBytes; at + 12 <= png.size();) {
    const std::size_t length =
        std::size_t{png[at]} << 24 | std::size_t{png[at + 1]} << 16 | std::size_t{png[at + 2]} << 8 | png[at + 3];
    if (length > png.size() - at - 12)
      break;
    const uLong sum = crc32_z(0, png.data() + at + 4, length + 4);
    for (std::size_t i = 0; i < 4; ++i)
      png[at + 8 + length + i] = static_cast<std::uint8_t>(sum >> (24 - 8 * i));
    at += 12 + length;
  }
  return png;
}

template <class Decode>
std::optional<PictureFile> attempt(Decode decode) {
  try {
    return fit_square(decode(), {.side = 16}).pixels;
  } catch (const DataError&) {
    return std::nullopt;
  }
}

template <class Decode>
void require_same_twice(Decode decode) {
  ockham::fuzz::require(attempt(decode) == attempt(decode), "the same pixels twice");
}

}  // namespace

OCKHAM_FUZZ_TARGET(image) {
  PictureFile picture(bytes.begin(), bytes.end());
  const PictureFormat format = format_of(picture);
  if (format == PictureFormat::kPng)
    picture = with_right_sums(std::move(picture));
  require_same_twice([&] { return decode_picture("fuzz", picture); });
  if (format == PictureFormat::kJpeg && jpeg_fault(picture).empty())
    require_same_twice([&] { return decode_with_stb("fuzz", picture); });
}
