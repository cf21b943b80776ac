#include <zlib.h>

#include "data/image/decode.h"
#include "data/image/decoders.h"

namespace ockham::data {
namespace {

std::uint32_t read_u32(std::span<const std::uint8_t> bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

}  // namespace

std::optional<PngChunk> png_chunk(std::span<const std::uint8_t> png, std::size_t at) {
  constexpr std::size_t kFrame = 12;
  if (at > png.size() || png.size() - at < kFrame)
    return std::nullopt;
  const std::span<const std::uint8_t> rest = png.subspan(at);
  const std::size_t length = read_u32(rest);
  if (length > rest.size() - kFrame)
    return std::nullopt;
  return PngChunk{.type = {reinterpret_cast<const char*>(rest.data()) + 4, 4},
                  .data = rest.subspan(8, length),
                  .whole = rest.first(kFrame + length)};
}

std::string png_fault(std::span<const std::uint8_t> bytes) {
  if (format_of(bytes) != PictureFormat::kPng)
    return "no signature";
  std::size_t at = kSignatureBytes;
  while (const std::optional<PngChunk> chunk = png_chunk(bytes, at)) {
    const std::span<const std::uint8_t> whole = chunk->whole;
    if (chunk->type == "CgBI")
      return "it is in the form of Apple's tools for phones, which only they read";
    const bool is_critical = (chunk->type[0] & 0x20) == 0;
    if (is_critical && crc32_z(0, whole.data() + 4, whole.size() - 8) != read_u32(whole.last(4)))
      return "chunk " + std::string(chunk->type) + " has another CRC";
    if (chunk->type == "IEND")
      return "";
    at += whole.size();
  }
  return "no end chunk";
}

}  // namespace ockham::data
