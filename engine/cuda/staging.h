#pragma once
// Bytes of the host on their way to the device while it works on: through pinned memory, which the device copies by
// itself, on a stream of its own. The host goes on as soon as its bytes lie in pinned memory; the destination is
// written in the order of the compute stream, so that nobody who still reads it is overtaken.
#include <cuda_runtime.h>

#include <array>
#include <cstddef>

namespace ockham::cuda {

class Staging {
 public:
  explicit Staging(cudaStream_t compute) : compute_(compute) {}
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  /// Returns when `host` may be changed again.
  void upload(const void* host, void* device, std::size_t bytes);

 private:
  /// One of two pieces under way: the next is filled while the one before is copied.
  struct Slot {
    void* pinned = nullptr;
    void* device = nullptr;
    std::size_t bytes = 0;
    cudaEvent_t is_on_device = nullptr;  // of the copy from the host
    cudaEvent_t is_free = nullptr;       // of the copy to the destination
    bool is_used = false;
  };
  void send(const std::byte* host, std::byte* device, std::size_t bytes);
  void prepare(Slot& slot, std::size_t bytes);

  cudaStream_t compute_;
  cudaStream_t copies_ = nullptr;
  std::array<Slot, 2> slots_;
  std::size_t next_ = 0;
};

}  // namespace ockham::cuda
