#pragma once
#include "engine/arena.h"
#include "engine/bfloat16.h"
#include "engine/tensor.h"

namespace ockham {

/// The samples of a map [N, ...] in T, float or double. One stored in bfloat16 is widened sample by sample, while the
/// sample is in the cache, into a tile of the task that reads it.
template <class T>
class SampleReader {
 public:
  SampleReader() = default;
  explicit SampleReader(const Tensor& map) : numel_(map.size(0) == 0 ? 0 : map.numel() / map.size(0)) {
    if (map.dtype() == DType::kBFloat16)
      narrow_ = map.data<BFloat16>();
    else
      wide_ = map.data<T>();
  }

  bool is_narrow() const { return narrow_ != nullptr; }
  /// All samples. Only for wide maps.
  const T* data() const { return wide_; }
  /// The reader of one task, with a tile of its own.
  SampleReader for_task(ScratchScope& scratch) const {
    SampleReader own = *this;
    if (narrow_ != nullptr)
      own.tile_ = scratch.take<T>(numel_);
    return own;
  }
  /// Before of(n): one sample at a time.
  void enter(std::int64_t n) {
    if constexpr (std::is_same_v<T, float>) {
      if (narrow_ != nullptr)
        convert(numel_, narrow_ + n * numel_, tile_);
    }
  }
  const T* of(std::int64_t n) const { return narrow_ != nullptr ? tile_ : wide_ + n * numel_; }

 private:
  std::int64_t numel_ = 0;
  const T* wide_ = nullptr;
  const BFloat16* narrow_ = nullptr;
  T* tile_ = nullptr;
};

}  // namespace ockham
