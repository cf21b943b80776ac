#include "engine/json_file.h"

#include "engine/input_file.h"
#include "engine/strict_json.h"

namespace ockham {

nlohmann::ordered_json read_json(const std::filesystem::path& path) {
  InputFile file("json", path);
  const JsonLimits limits;
  if (file.size() > limits.bytes)
    file.refuse("has ", file.size(), " bytes, more than the ", limits.bytes, " that a file of a run has.");
  return parse_json(file.read_text(file.size()), path.string());
}

nlohmann::ordered_json parse_json(std::string_view text, std::string_view name) {
  return parse_strict_json<CheckpointError>(text, name);
}

namespace detail {

void refuse_json(std::string_view name, std::string_view key, const nlohmann::ordered_json& value,
                 std::string_view wanted) {
  std::string shown = value.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
  if (shown.size() > 60)
    shown = shown.substr(0, 60) + "...";
  throw CheckpointError(concat(name, ": '", key, "' is ", shown, ", which is not ", wanted, "; the file is damaged."));
}

}  // namespace detail
}  // namespace ockham
