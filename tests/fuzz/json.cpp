// Any text is JSON within the limits or a CheckpointError, and JSON is printed and read back.
#include "engine/json_file.h"
#include "tests/fuzz/target.h"

using namespace ockham;

OCKHAM_FUZZ_TARGET(json) {
  try {
    const nlohmann::ordered_json value = parse_json(fuzz::text_of(bytes), "fuzz");
    fuzz::require(parse_json(value.dump(), "fuzz") == value, "printed JSON is the same");
  } catch (const CheckpointError&) {
  }
}
