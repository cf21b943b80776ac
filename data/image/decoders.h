#pragma once
// The decoders behind decode.h, and what they share. Each throws DataError beginning with `name`.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "data/image/picture.h"

namespace ockham::data {

/// A progressive picture costs a pass over all of it for each scan, and a scan may be a few bytes long.
inline constexpr int kScanLimit = 100;

/// Most bytes that a decoder may take at once.
inline constexpr std::size_t kDecoderBytes = std::size_t{1} << 30;

/// JPEG by libjpeg-turbo. Only where CMake found it (OCKHAM_LIBJPEG).
[[nodiscard]] Picture decode_with_libjpeg(std::string_view name, std::span<const std::uint8_t> bytes);

/// JPEG or PNG by stb_image, which paints gray what a scan of a JPEG lacks. HAZARD: it believes the tables that a file
/// declares, so jpeg_fault() or png_fault() must have found nothing in `bytes`.
[[nodiscard]] Picture decode_with_stb(std::string_view name, std::span<const std::uint8_t> bytes);

/// What is wrong in the segments of a JPEG, as the end of a sentence; empty if nothing is: tables that list too many
/// codes, name a place that does not exist or are used before they are there, lengths beyond the end, components
/// without a scan, too many scans, no end marker. Entropy-coded data are only skipped. Source: ITU-T T.81 (1992), annex
/// B.
[[nodiscard]] std::string jpeg_fault(std::span<const std::uint8_t> bytes);

/// What is wrong in the chunks of a PNG, likewise: lengths beyond the end, critical chunks whose CRC is another, no
/// end. Source: W3C PNG (2003), section 5.
[[nodiscard]] std::string png_fault(std::span<const std::uint8_t> bytes);

/// A chunk of a PNG: four bytes of length, four of type, the data, four of CRC.
struct PngChunk {
  std::string_view type;
  std::span<const std::uint8_t> data, whole;
};

/// The chunk that begins at `at`; empty if it reaches beyond the end.
[[nodiscard]] std::optional<PngChunk> png_chunk(std::span<const std::uint8_t> png, std::size_t at);

/// Most pixels that one byte of a file can code: a block of 8x8 of one component, twice subsampled, takes at least a
/// bit of a JPEG; deflate shrinks a PNG of one bit a pixel 1032 times at most.
inline constexpr std::int64_t kJpegPixelsPerByte = 8 * 128, kPngPixelsPerByte = 8 * 1032;

/// @throws DataError for a picture with too many pixels, too long a side, or more pixels than its bytes can code
void check_size(std::string_view name, std::int64_t width, std::int64_t height, std::size_t bytes,
                std::int64_t pixels_per_byte);

/// @throws DataError that says why these bytes cannot be decoded
[[noreturn]] void refuse(std::string_view name, std::span<const std::uint8_t> bytes, std::string_view reason);

}  // namespace ockham::data
