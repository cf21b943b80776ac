#include <zlib.h>

#include <algorithm>

#include "data/image/decode.h"
#include "data/image/decoders.h"

namespace ockham::data {
namespace {

uint32_t read_u32(std::span<const uint8_t> bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

}  // namespace

std::string png_fault(std::span<const uint8_t> bytes) {
  if (format_of(bytes) != PictureFormat::kPng)
    return "no signature";
  std::span<const uint8_t> rest = bytes.subspan(kSignatureBytes);
  while (rest.size() >= 12) {  // length, type, data, CRC of the two
    const size_t length = read_u32(rest);
    if (length > rest.size() - 12)
      return "a chunk reaches beyond the end";
    const std::span<const uint8_t> body = rest.subspan(4, 4 + length);
    const std::string type(body.begin(), body.begin() + 4);
    if (type == "CgBI")
      return "it is in the form of Apple's tools for phones, which only they read";
    const bool is_critical = (body[0] & 0x20) == 0;
    if (is_critical && crc32_z(0, body.data(), body.size()) != read_u32(rest.subspan(8 + length)))
      return "chunk " + type + " has another CRC";
    if (type == "IEND")
      return "";
    rest = rest.subspan(12 + length);
  }
  return "no end chunk";
}

}  // namespace ockham::data
