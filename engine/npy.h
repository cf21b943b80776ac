#pragma once
// Single arrays in numpy's format (numpy.org/doc/stable/reference/generated/numpy.lib.format.html), the exchange with
// Python programs.
#include <filesystem>

#include "engine/tensor.h"

namespace ockham {

/// Writes format version 1.0, C order, little-endian: '<f4', '<f8', '<i8' or '|u1', atomically.
/// @throws Error for an undefined tensor or a full disk; DTypeError for bfloat16, which numpy lacks
void save_npy(const std::filesystem::path& path, const Tensor& tensor);

/// Reads versions 1.0 and 2.0 of the same four types in C order; the file is treated as hostile.
/// @throws CheckpointError naming the file and the rule
Tensor load_npy(const std::filesystem::path& path);

}  // namespace ockham
