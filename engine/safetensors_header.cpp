#include "engine/safetensors_header.h"

#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

namespace ockham {
namespace {

constexpr std::array kDTypes{DType::kFloat32, DType::kFloat64, DType::kBFloat16, DType::kInt64, DType::kUInt8};

template <Printable... Pieces>
[[noreturn]] void refuse(const Pieces&... pieces) {
  throw CheckpointError(concat(pieces...));
}

/// As much of a parser's message as fits a line: it may quote the text at length.
std::string shortened(std::string_view text) {
  return text.size() <= 200 ? std::string(text) : concat(text.substr(0, 200), "...");
}

/// A tensor's JSON object while it is being read.
struct RawEntry {
  std::optional<DType> dtype;
  std::optional<std::vector<std::uint64_t>> shape;
  std::optional<std::vector<std::uint64_t>> offsets;
};

Spec checked_spec(const std::string& name, const RawEntry& raw) {
  std::vector<std::int64_t> sizes;
  for (std::uint64_t size : *raw.shape) {
    if (size > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      refuse("tensor ", shown(name), " has the size ", size, ", which passes 2^63.");
    sizes.push_back(static_cast<std::int64_t>(size));
  }
  try {
    return {Shape(sizes), *raw.dtype};
  } catch (const ShapeError& e) {
    refuse("tensor ", shown(name), ": ", e.what());
  }
}

TensorEntry checked_entry(const std::string& name, const RawEntry& raw) {
  if (!raw.dtype || !raw.shape || !raw.offsets)
    refuse("tensor ", shown(name), " lacks ", !raw.dtype ? "dtype" : !raw.shape ? "shape" : "data_offsets", ".");
  if (raw.offsets->size() != 2 || (*raw.offsets)[0] > (*raw.offsets)[1])
    refuse("tensor ", shown(name), ": data_offsets must be two numbers, the second not below the first.");
  TensorEntry entry{checked_spec(name, raw), (*raw.offsets)[0], (*raw.offsets)[1]};
  // Divides instead of multiplying: numel * size may overflow, the length of the range may not.
  const std::uint64_t bytes = entry.end - entry.begin;
  const std::uint64_t item = size_of(entry.spec.dtype);
  if (bytes % item != 0 || bytes / item != static_cast<std::uint64_t>(entry.spec.shape.numel()))
    refuse("tensor ", shown(name), " of ", entry.spec, " does not fill its range of ", bytes, " bytes.");
  return entry;
}

/// Receives JSON events; its state is where in the header they occur. Never recurses, however deep the text nests.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  SafetensorsHeader take() { return std::move(header_); }

  bool start_object(std::size_t) override {
    if (where_ == Where::kStart)
      where_ = Where::kTop;
    else if (where_ == Where::kTop)
      where_ = key_ == kMetadataKey ? Where::kMetadata : Where::kTensor;
    else
      unexpected("an object");
    raw_ = {};
    return true;
  }

  bool key(string_t& name) override {
    switch (where_) {
      case Where::kTop:
        if (header_.entries.contains(name) || (name == kMetadataKey && std::exchange(has_metadata_, true)))
          refuse("the name ", shown(name), " occurs twice.");
        key_ = name;
        break;
      case Where::kMetadata:
        if (header_.metadata.contains(name))
          refuse("the metadata key ", shown(name), " occurs twice.");
        inner_key_ = name;
        break;
      default:
        start_field(name);
    }
    return true;
  }

  bool string(string_t& text) override {
    if (where_ == Where::kMetadata)
      header_.metadata.emplace(inner_key_, text);
    else if (where_ == Where::kTensor && inner_key_ == "dtype")
      raw_.dtype = dtype_of(text);
    else
      unexpected("a string");
    return true;
  }

  bool start_array(std::size_t) override {
    if (where_ != Where::kTensor || inner_key_ == "dtype")
      unexpected("an array");
    where_ = Where::kNumbers;
    numbers_.clear();
    return true;
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (where_ != Where::kNumbers)
      unexpected("a number");
    numbers_.push_back(value);
    return true;
  }

  bool end_array() override {
    (inner_key_ == "shape" ? raw_.shape : raw_.offsets) = numbers_;
    where_ = Where::kTensor;
    return true;
  }

  bool end_object() override {
    if (where_ == Where::kTensor)
      header_.entries.emplace(key_, checked_entry(key_, raw_));
    where_ = where_ == Where::kTop ? Where::kEnd : Where::kTop;
    return true;
  }

  bool null() override { unexpected("null"); }
  bool boolean(bool) override { unexpected("true or false"); }
  bool number_integer(number_integer_t) override { unexpected("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { unexpected("a number that is no 64-bit integer"); }
  bool binary(binary_t&) override { unexpected("binary data"); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception& e) override {
    refuse("the header is not valid JSON at its byte ", position, ": ", shortened(e.what()), ".");
  }

 private:
  enum class Where { kStart, kTop, kMetadata, kTensor, kNumbers, kEnd };

  void start_field(const std::string& name) {
    const bool is_known = name == "dtype" || name == "shape" || name == "data_offsets";
    const bool is_taken = name == "dtype"   ? raw_.dtype.has_value()
                          : name == "shape" ? raw_.shape.has_value()
                                            : raw_.offsets.has_value();
    if (!is_known || is_taken)
      refuse("tensor ", shown(key_), ": the field ", shown(name), is_known ? " occurs twice." : " is unknown.");
    inner_key_ = name;
  }

  DType dtype_of(const std::string& text) const {
    for (DType dtype : kDTypes) {
      if (safetensors_name(dtype) == text)
        return dtype;
    }
    refuse("tensor ", shown(key_), " has dtype ", shown(text), "; this version reads F32, F64, BF16, I64 and U8.");
  }

  [[noreturn]] void unexpected(std::string_view what) const {
    const bool has_field = where_ == Where::kTensor || where_ == Where::kNumbers || where_ == Where::kMetadata;
    refuse("the header has ", what, " where the format allows none, at ",
           shown(has_field ? key_ + "." + inner_key_ : key_), ".");
  }

  SafetensorsHeader header_;
  Where where_ = Where::kStart;
  std::string key_;
  std::string inner_key_;
  bool has_metadata_ = false;
  RawEntry raw_;
  std::vector<std::uint64_t> numbers_;
};

}  // namespace

std::string shown(const std::string& text) {
  const std::string escaped = nlohmann::json(text).dump(-1, ' ', true);
  return escaped.size() <= 100 ? escaped : escaped.substr(0, 100) + "...\"";
}

std::string_view safetensors_name(DType dtype) {
  switch (dtype) {
    case DType::kFloat64:
      return "F64";
    case DType::kBFloat16:
      return "BF16";
    case DType::kInt64:
      return "I64";
    case DType::kUInt8:
      return "U8";
    case DType::kFloat32:
      break;
  }
  return "F32";
}

SafetensorsHeader parse_safetensors_header(const std::string& text) {
  if (text.empty() || text[0] != '{')
    refuse("the header does not begin with '{'.");
  // The JSON parser takes a zero byte for the end of the text and would not look at what follows.
  if (text.find('\0') != std::string::npos)
    refuse("the header has a zero byte at ", text.find('\0'), ".");
  HeaderReader reader;
  nlohmann::json::sax_parse(text, &reader);
  return reader.take();
}

}  // namespace ockham
