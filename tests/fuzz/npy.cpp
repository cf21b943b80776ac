// Any file is an array or a CheckpointError, and what was read can be saved and is the same again.
#include "engine/npy.h"

#include "engine/error.h"
#include "tests/fuzz/tensors.h"

using namespace ockham;

OCKHAM_FUZZ_TARGET(npy) {
  static const fuzz::Folder folder;
  try {
    const Tensor tensor = load_npy(folder.write("in", bytes));
    save_npy(folder.path() / "out", tensor);
    fuzz::require(fuzz::is_same(tensor, load_npy(folder.path() / "out")), "equal arrays");
  } catch (const CheckpointError&) {
  }
}
