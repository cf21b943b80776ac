#pragma once
// The wire format of Protocol Buffers (protobuf.dev, "Encoding"), writing only: a message is a string of fields, each a
// number with a kind and then its value. Fields are written in the order of the calls, repeated ones one by one.
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace ockham::nas::onnx {

class Message {
 public:
  void integer(int field, std::int64_t value) {
    tag(field, kVarint);
    varint(static_cast<std::uint64_t>(value));
  }
  void real(int field, float value) {
    tag(field, kFixed32);
    little_endian(std::bit_cast<std::uint32_t>(value), 4);
  }
  /// Text, raw bytes, or a message within.
  void bytes(int field, std::string_view value) {
    tag(field, kLength);
    varint(value.size());
    text_ += value;
  }
  void message(int field, const Message& value) { bytes(field, value.text_); }

  const std::string& text() const { return text_; }

 private:
  enum Kind : int { kVarint = 0, kLength = 2, kFixed32 = 5 };

  void tag(int field, Kind kind) { varint(static_cast<std::uint64_t>(field) << 3 | static_cast<std::uint64_t>(kind)); }
  /// Seven bits a byte, the lowest first; the eighth says that more follow.
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7)
      text_ += static_cast<char>((value & 0x7f) | 0x80);
    text_ += static_cast<char>(value);
  }
  void little_endian(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i)
      text_ += static_cast<char>(value >> 8 * i & 0xff);
  }

  std::string text_;
};

}  // namespace ockham::nas::onnx
