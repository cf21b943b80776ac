#pragma once
// A piece of work for the device, without its type: what it touches, and how launches of its kind are made. launch.h is
// how one is written.
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <typeinfo>
#include <vector>

namespace ockham::cuda {

/// A range of device memory that a launch touches.
struct Access {
  const std::byte* begin;
  const std::byte* end;
  bool writes;
};

/// Collects what a kernel touches. Null pointers and empty ranges are left out.
class Operands {
 public:
  template <class T>
  void reads(const T* data, std::int64_t n) {
    add(data, n * static_cast<std::int64_t>(sizeof(T)), false);
  }
  template <class T>
  void writes(T* data, std::int64_t n) {
    add(data, n * static_cast<std::int64_t>(sizeof(T)), true);
  }
  const std::vector<Access>& all() const { return all_; }

 private:
  void add(const void* data, std::int64_t bytes, bool writes) {
    const auto* const begin = static_cast<const std::byte*>(data);
    if (data != nullptr && bytes > 0)
      all_.push_back({begin, begin + bytes, writes});
  }
  std::vector<Access> all_;
};

/// What the queue and a recording need to know of a kernel without its type.
struct KernelType {
  const std::type_info* type;
  std::size_t size;  ///< bytes of the struct
  std::size_t most;  ///< kernels that one launch can take
  std::int64_t (*blocks)(const void* kernel);
  void (*operands)(const void* kernel, Operands& operands);
  /// One launch of these; their blocks together are fewer than 2^31.
  void (*launch)(cudaStream_t stream, std::span<const void* const> kernels);
};

/// Lets a recorded kernel take in the work of one that reads its results; absorb(first, second) tells whether it did.
using Absorb = bool (*)(void* first, const void* second);
/// @return true
bool register_absorption(const KernelType& first, const KernelType& second, Absorb absorb);

/// Runs it on the stream of the device in use, or keeps it where a step is recorded.
void enqueue(const KernelType& type, const void* kernel, const Operands& operands);

}  // namespace ockham::cuda
