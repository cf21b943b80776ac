#include "engine/cuda/staging.h"

#include <algorithm>
#include <cstring>

#include "engine/cuda/error.h"

namespace ockham::cuda {
namespace {

constexpr std::size_t kLargest = std::size_t{32} << 20;  // of one piece

}  // namespace

void Staging::upload(const void* host, void* device, std::size_t bytes) {
  for (std::size_t at = 0; at < bytes; at += kLargest)
    send(static_cast<const std::byte*>(host) + at, static_cast<std::byte*>(device) + at,
         std::min(kLargest, bytes - at));
}

void Staging::send(const std::byte* host, std::byte* device, std::size_t bytes) {
  if (copies_ == nullptr)
    check(cudaStreamCreateWithFlags(&copies_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  Slot& slot = slots_[next_];
  next_ = 1 - next_;
  prepare(slot, bytes);
  std::memcpy(slot.pinned, host, bytes);
  check(cudaMemcpyAsync(slot.device, slot.pinned, bytes, cudaMemcpyHostToDevice, copies_),
        "cudaMemcpyAsync to the device");
  check(cudaEventRecord(slot.is_on_device, copies_), "cudaEventRecord");
  check(cudaStreamWaitEvent(compute_, slot.is_on_device, 0), "cudaStreamWaitEvent");
  check(cudaMemcpyAsync(device, slot.device, bytes, cudaMemcpyDeviceToDevice, compute_),
        "cudaMemcpyAsync on the device");
  check(cudaEventRecord(slot.is_free, compute_), "cudaEventRecord");
  slot.is_used = true;
}

void Staging::prepare(Slot& slot, std::size_t bytes) {
  if (slot.is_used) {
    check(cudaEventSynchronize(slot.is_on_device), "cudaEventSynchronize");  // before the pinned memory changes
    check(cudaStreamWaitEvent(copies_, slot.is_free, 0), "cudaStreamWaitEvent");
  }
  if (slot.bytes >= bytes)
    return;
  if (slot.is_used)
    check(cudaEventSynchronize(slot.is_free), "cudaEventSynchronize");
  else
    for (cudaEvent_t* event : {&slot.is_on_device, &slot.is_free})
      check(cudaEventCreateWithFlags(event, cudaEventDisableTiming), "cudaEventCreateWithFlags");
  // What grows step by step shall not be moved at each.
  const std::size_t room = std::min(kLargest, std::max(bytes, 2 * slot.bytes));
  check(cudaFreeHost(slot.pinned), "cudaFreeHost");
  check(cudaFree(slot.device), "cudaFree");
  check(cudaMallocHost(&slot.pinned, room), "cudaMallocHost");
  check(cudaMalloc(&slot.device, room), "cudaMalloc");
  slot.bytes = room;
}

}  // namespace ockham::cuda
