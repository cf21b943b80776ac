// Any file is tensors or a CheckpointError, and what was read can be saved and is the same again.
#include "engine/safetensors.h"

#include <cstring>

#include "engine/error.h"
#include "tests/fuzz/tensors.h"

using namespace ockham;

OCKHAM_FUZZ_TARGET(safetensors) {
  static const fuzz::Folder folder;
  for (const std::string& content : {std::string(fuzz::text_of(bytes)), fuzz::with_header_length(bytes)}) {
    try {
      const TensorFile file = load_safetensors(folder.write("in", fuzz::bytes_of(content)));
      save_safetensors(folder.path() / "out", file);
      const TensorFile again = load_safetensors(folder.path() / "out");
      fuzz::require(again.metadata == file.metadata && again.tensors.size() == file.tensors.size(), "equal files");
      for (const auto& [name, tensor] : file.tensors)
        fuzz::require(fuzz::is_same(tensor, again.tensors.at(name)), "equal tensors");
    } catch (const CheckpointError&) {
    }
  }
}
