// Any file is a checkpoint whose network can be built, or a CheckpointError; files without a digest get this far.
#include "apps/runs/folder/checkpoints.h"
#include "nas/saved/saved_network.h"
#include "tests/fuzz/tensors.h"

using namespace ockham;

OCKHAM_FUZZ_TARGET(checkpoint) {
  static const fuzz::Folder folder;
  for (const std::string& content : {std::string(fuzz::text_of(bytes)), fuzz::with_header_length(bytes)}) {
    try {
      const apps::Checkpoint checkpoint = apps::read_checkpoint(folder.write("in", fuzz::bytes_of(content)));
      nas::restore_network(checkpoint.network, checkpoint.tensors, DType::kFloat32);
    } catch (const CheckpointError&) {
    }
  }
}
