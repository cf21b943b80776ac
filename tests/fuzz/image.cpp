// Any bytes are a picture or a DataError, by either decoder, and the same bytes are the same picture: what was never
// written must not be read.
#include <zlib.h>

#include <cstdlib>
#include <optional>

#include "data/error.h"
#include "data/image/decode.h"
#include "data/image/decoders.h"

using namespace ockham::data;

namespace {

using Bytes = std::vector<std::uint8_t>;

/// The file with right CRCs: without them a changed PNG would never get past the check.
Bytes with_right_sums(Bytes png) {
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
std::optional<Bytes> attempt(Decode decode) {
  try {
    return fit_square(decode(), 16).pixels;
  } catch (const DataError&) {
    return std::nullopt;
  }
}

template <class Decode>
void require_same_twice(Decode decode) {
  if (attempt(decode) != attempt(decode))
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, data + size);
  const PictureFormat format = format_of(bytes);
  if (format == PictureFormat::kPng)
    bytes = with_right_sums(std::move(bytes));
  require_same_twice([&] { return decode_picture("fuzz", bytes); });
  if (format == PictureFormat::kJpeg && jpeg_fault(bytes).empty())
    require_same_twice([&] { return decode_with_stb("fuzz", bytes); });
  return 0;
}
