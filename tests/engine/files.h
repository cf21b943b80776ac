#pragma once
// Whole files as strings, for tests of formats.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "engine/tensor.h"

namespace ockham::test {

inline std::string contents(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void put(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::remove(path);  // file systems may flush a file that is truncated and written anew
  std::ofstream(path, std::ios::binary) << bytes;
}

/// Equal in shape, dtype and every byte (a NaN equals itself).
inline bool is_same(const Tensor& a, const Tensor& b) {
  return a.spec() == b.spec() && visit_dtype(a.dtype(), [&]<class T>() {
           return std::ranges::equal(std::as_bytes(a.contiguous().span<T>()), std::as_bytes(b.contiguous().span<T>()));
         });
}

}  // namespace ockham::test
