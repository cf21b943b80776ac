#pragma once
// Checkpoints: named tensors and text in one file, in the safetensors format (huggingface.co/docs/safetensors), which
// PyTorch, MLX, JAX and numpy tools read. Files from elsewhere are treated as hostile.
#include <filesystem>
#include <map>
#include <string>

#include "engine/tensor.h"

namespace ockham {

struct TensorFile {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

/// Writes F32, F64, BF16, I64 and U8 tensors atomically. Equal contents give equal bytes: metadata by name, tensors by
/// falling element size and then name (so that data stay aligned), header padded with spaces to a multiple of 8.
/// @throws Error for an undefined tensor, a name that is not UTF-8 or is "__metadata__", or a disk that is full
void save_safetensors(const std::filesystem::path& path, const TensorFile& file);

/// Reads and checks everything before it takes memory for data: sizes against the file, products, ranges without holes
/// or overlaps, duplicate names, JSON and UTF-8. Headers up to 100 MB, ranks up to Shape::kMaxRank.
/// @throws CheckpointError naming the file, the tensor and the rule
TensorFile load_safetensors(const std::filesystem::path& path);

}  // namespace ockham
