#pragma once
// What targets that read files of tensors share.
#include <cstring>

#include "engine/tensor.h"
#include "tests/fuzz/target.h"

namespace ockham::fuzz {

inline bool is_same(const Tensor& a, const Tensor& b) {
  return a.spec() == b.spec() && visit_dtype(a.dtype(), [&]<class T>() {
           return a.numel() == 0 || std::memcmp(a.span<T>().data(), b.span<T>().data(), a.nbytes()) == 0;
         });
}

/// A safetensors file of a header, up to the first zero, and data: a header that grew would else never get past its
/// length. A file that has a length loses it.
inline std::string with_header_length(Bytes bytes) {
  std::string text(text_of(bytes));
  if (text.size() >= 8 && text[7] == '\0')
    text.erase(0, 8);
  const std::size_t end = std::min(text.find('\0'), text.size());
  std::string length(8, '\0');
  for (std::size_t i = 0; i < 8; ++i)
    length[i] = static_cast<char>(end >> (8 * i));
  return length + text;
}

}  // namespace ockham::fuzz
