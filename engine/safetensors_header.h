#pragma once
// The JSON header of a safetensors file, apart from the file itself.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor.h"

namespace ockham {

struct TensorEntry {
  Spec spec;
  std::uint64_t begin = 0;  // bytes after the header
  std::uint64_t end = 0;
};

struct SafetensorsHeader {
  std::map<std::string, TensorEntry> entries;
  std::map<std::string, std::string> metadata;
};

constexpr std::string_view kMetadataKey = "__metadata__";

/// "F32" and so on.
std::string_view safetensors_name(DType dtype);

/// A name from the file for a message: quoted, in ASCII without control characters, cut at 100 characters.
std::string shown(const std::string& text);

/// Parses JSON text, refusing what the format does not know, duplicates and shapes or ranges that do not fit together.
/// @throws CheckpointError with the rule broken, without the file's name
SafetensorsHeader parse_safetensors_header(const std::string& text);

}  // namespace ockham
