#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <vector>

#include "data/image/decoders.h"

namespace ockham::data {
namespace {

using Bytes = std::span<const std::uint8_t>;

/// Markers of T.81, table B.1, second byte.
enum Marker : std::uint8_t {
  kBaseline = 0xC0,
  kExtended = 0xC1,
  kProgressive = 0xC2,
  kHuffmanTables = 0xC4,
  kRestartFirst = 0xD0,
  kRestartLast = 0xD7,
  kEnd = 0xD9,
  kScan = 0xDA,
  kQuantisationTables = 0xDB,
  kHeight = 0xDC,
  kRestartInterval = 0xDD,
  kApplicationFirst = 0xE0,
  kApplicationLast = 0xEF,
  kComment = 0xFE,
};

struct Component {
  std::uint8_t id = 0, quantisation = 0;
  bool has_dc = false;  ///< a scan has defined its coefficient 0, or in a baseline picture all of them
};

/// Walks the segments as a decoder does and keeps what it would keep, but for the entropy-coded data.
class Walk {
 public:
  explicit Walk(Bytes bytes) : bytes_(bytes) {}

  std::string fault() {
    at_ = 2;  // after the start marker
    for (;;) {
      const std::optional<std::uint8_t> marker = next_marker();
      if (!marker)
        return "no end marker";
      if (*marker == kEnd)
        return fault_at_end();
      const std::optional<Bytes> segment = next_segment();
      if (!segment)
        return "a segment reaches beyond the end";
      if (const char* fault = fault_of(*marker, *segment))
        return fault;
      if (*marker == kScan)
        skip_scan();
    }
  }

 private:
  /// The byte after the next 0xFF and its fill bytes.
  std::optional<std::uint8_t> next_marker() {
    while (at_ < bytes_.size() && bytes_[at_] != 0xFF)
      ++at_;
    while (at_ < bytes_.size() && bytes_[at_] == 0xFF)
      ++at_;
    return at_ < bytes_.size() ? std::optional(bytes_[at_++]) : std::nullopt;
  }

  /// What follows the length of a segment.
  std::optional<Bytes> next_segment() {
    if (bytes_.size() - at_ < 2)
      return std::nullopt;
    const std::size_t length = std::size_t{bytes_[at_]} << 8 | bytes_[at_ + 1];
    if (length < 2 || length > bytes_.size() - at_)
      return std::nullopt;
    const Bytes segment = bytes_.subspan(at_ + 2, length - 2);
    at_ += length;
    return segment;
  }

  /// Goes to the 0xFF of the next marker that ends a scan: 0xFF 0 is a byte of it, and restarts belong to it.
  void skip_scan() {
    for (; at_ + 1 < bytes_.size(); ++at_) {
      const std::uint8_t next = bytes_[at_ + 1];
      const bool belongs = next == 0 || next == 0xFF || (next >= kRestartFirst && next <= kRestartLast);
      if (bytes_[at_] == 0xFF && !belongs)
        return;
    }
  }

  const char* fault_of(std::uint8_t marker, Bytes segment) {
    switch (marker) {
      case kBaseline:
      case kExtended:
      case kProgressive:
        return frame_fault(marker, segment);
      case kHuffmanTables:
        return huffman_fault(segment);
      case kQuantisationTables:
        return quantisation_fault(segment);
      case kScan:
        return scan_fault(segment);
      case kRestartInterval:
        return segment.size() == 2 ? nullptr : "a restart interval of the wrong length";
      case kHeight:
      case kComment:
        return nullptr;
      default:
        return marker >= kApplicationFirst && marker <= kApplicationLast
                   ? nullptr
                   : "a segment that no Huffman-coded picture of 8 bits has";
    }
  }

  /// B.2.2
  const char* frame_fault(std::uint8_t marker, Bytes segment) {
    if (!components_.empty())
      return "a second frame";
    if (segment.size() < 6 || segment.size() != 6 + std::size_t{3} * segment[5])
      return "a frame header of the wrong length";
    const std::size_t count = segment[5];
    if (segment[0] != 8 || (count != 1 && count != 3 && count != 4))
      return "not 8 bits in 1, 3 or 4 components";
    is_progressive_ = marker == kProgressive;
    for (std::size_t i = 0; i < count; ++i) {
      const Bytes c = segment.subspan(6 + 3 * i, 3);
      const int across = c[1] >> 4, down = c[1] & 15;
      if (across < 1 || across > 4 || down < 1 || down > 4 || c[2] > 3)
        return "a component with an impossible sampling or table";
      if (find(c[0]) != nullptr)
        return "two components of one name";
      components_.push_back({.id = c[0], .quantisation = c[2]});
    }
    return nullptr;
  }

  /// B.2.4.2. A table is a tree of 1 to 256 codes, so those of each length must fit under what shorter ones leave.
  const char* huffman_fault(Bytes segment) {
    while (!segment.empty()) {
      if (segment.size() < 17)
        return "a Huffman table that is cut off";
      const int kind = segment[0] >> 4, place = segment[0] & 15;
      if (kind > 1 || place > 3)
        return "a Huffman table in a place that does not exist";
      const Bytes counts = segment.subspan(1, 16);
      const std::size_t codes = std::accumulate(counts.begin(), counts.end(), std::size_t{0});
      if (codes > 256)
        return "a Huffman table of more than 256 codes";
      if (segment.size() < 17 + codes)
        return "a Huffman table that is cut off";
      int free = 1;
      for (std::uint8_t count : counts) {
        free = 2 * free - count;
        if (free < 0)
          return "a Huffman table with more codes of a length than there can be";
      }
      huffman_[static_cast<std::size_t>(kind)][static_cast<std::size_t>(place)] = true;
      segment = segment.subspan(17 + codes);
    }
    return nullptr;
  }

  /// B.2.4.1
  const char* quantisation_fault(Bytes segment) {
    while (!segment.empty()) {
      const int bits = segment[0] >> 4, place = segment[0] & 15;
      if (bits > 1 || place > 3)
        return "a quantisation table in a place that does not exist";
      const std::size_t length = bits == 0 ? 65 : 129;
      if (segment.size() < length)
        return "a quantisation table that is cut off";
      quantisation_[static_cast<std::size_t>(place)] = true;
      segment = segment.subspan(length);
    }
    return nullptr;
  }

  /// B.2.3
  const char* scan_fault(Bytes segment) {
    if (++scans_ > kScanLimit)
      return "more than 100 scans";
    const std::size_t count = segment.empty() ? 0 : segment[0];
    if (count < 1 || count > components_.size() || segment.size() != 4 + 2 * count)
      return "a scan header that fits no frame";
    const int first = segment[1 + 2 * count], last = segment[2 + 2 * count], high = segment[3 + 2 * count] >> 4;
    const bool is_dc = !is_progressive_ || first == 0, is_ac = !is_progressive_ || first > 0;
    if (first > last || last > 63 || (is_progressive_ && (first == 0 ? last > 0 : count > 1)))
      return "a scan of coefficients that do not go together";
    for (std::size_t i = 0; i < count; ++i) {
      Component* component = find(segment[1 + 2 * i]);
      const std::size_t dc = segment[2 + 2 * i] >> 4, ac = segment[2 + 2 * i] & 15;
      if (component == nullptr || dc > 3 || ac > 3)
        return "a scan of a component or table that does not exist";
      const bool refines = high > 0;  // needs no DC table, and builds on an earlier scan
      if (!quantisation_[component->quantisation] || (is_dc && !refines && !huffman_[0][dc]) ||
          (is_ac && !huffman_[1][ac]))
        return "a scan that uses a table before it is there";
      if ((is_dc && refines && !component->has_dc) || (is_progressive_ && is_ac && !component->has_dc))
        return "a scan that builds on one that is missing";
      component->has_dc = component->has_dc || is_dc;
    }
    return nullptr;
  }

  [[nodiscard]] std::string fault_at_end() const {
    if (components_.empty())
      return "no frame";
    return std::ranges::all_of(components_, &Component::has_dc) ? "" : "a component without a scan";
  }

  Component* find(std::uint8_t id) {
    const auto it = std::ranges::find(components_, id, &Component::id);
    return it == components_.end() ? nullptr : &*it;
  }

  Bytes bytes_;
  std::size_t at_ = 0;
  bool is_progressive_ = false;
  int scans_ = 0;
  std::vector<Component> components_;
  std::array<std::array<bool, 4>, 2> huffman_{};  // [DC or AC][place]
  std::array<bool, 4> quantisation_{};
};

}  // namespace

std::string jpeg_fault(Bytes bytes) {
  if (bytes.size() < 2 || bytes[0] != 0xFF || bytes[1] != 0xD8)
    return "no start marker";
  return Walk(bytes).fault();
}

}  // namespace ockham::data
