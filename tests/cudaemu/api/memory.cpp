// Memory of device and host, and copies between them.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "tests/cudaemu/emu.h"
#include "tests/cudaemu/runtime/checker.h"
#include "tests/cudaemu/runtime/heap.h"
#include "tests/cudaemu/runtime/stream.h"

struct CUmemPoolHandle_st {
  std::uint64_t release_threshold = 0;
};

namespace emu {

std::size_t report_live_allocations();

namespace {

/// Pinned ranges of host memory; `owned`: by cudaHostAlloc.
struct Pinned {
  std::size_t bytes;
  bool owned;
};
std::map<const unsigned char*, Pinned> pinned;
CUmemPoolHandle_st default_pool;

bool is_pinned(const void* address) {
  const auto* const place = static_cast<const unsigned char*>(address);
  auto it = pinned.upper_bound(place);
  return it != pinned.begin() && place < (--it, it->first + it->second.bytes);
}

/// A rectangle of rows; a plain range is one row.
struct Rows {
  std::size_t width, count, to_pitch, from_pitch;
};

void copy_rows(void* to, const void* from, Rows rows) {
  const DeviceAccess access;
  for (std::size_t row = 0; row < rows.count; ++row) {
    auto* const target = static_cast<unsigned char*>(to) + row * rows.to_pitch;
    const auto* const source = static_cast<const unsigned char*>(from) + row * rows.from_pitch;
    if (on_heap(source))
      check_range(source, rows.width, false, "memcpy");
    if (on_heap(target))
      check_range(target, rows.width, true, "memcpy");
    std::memmove(target, source, rows.width);
  }
}

/// Does the kind say where the two ends are?
bool agrees(cudaMemcpyKind kind, bool to_device, bool from_device) {
  switch (kind) {
    case cudaMemcpyDefault:
      return true;
    case cudaMemcpyHostToHost:
      return !to_device && !from_device;
    case cudaMemcpyHostToDevice:
      return to_device && !from_device;
    case cudaMemcpyDeviceToHost:
      return !to_device && from_device;
    case cudaMemcpyDeviceToDevice:
      return to_device && from_device;
  }
  std::fprintf(stderr, "cuda-emu: cudaMemcpyKind %d is unknown\n", static_cast<int>(kind));
  std::abort();
}

/// Pageable sources are read before the call returns, pageable targets are written before; pinned ones when the stream
/// gets there. In a capture all are read and written at each replay.
cudaError_t copy(void* to, const void* from, Rows rows, cudaMemcpyKind kind, cudaStream_t handle) {
  const std::shared_ptr<CUstream_st> stream = find_stream(handle);
  if (stream == nullptr)
    return fail(cudaErrorInvalidResourceHandle);
  if (rows.width == 0 || rows.count == 0)
    return cudaSuccess;
  if (to == nullptr || from == nullptr || !agrees(kind, on_heap(to), on_heap(from)))
    return fail(cudaErrorInvalidValue);
  Work work{[=] { copy_rows(to, from, rows); }, cudaGraphNodeTypeMemcpy, "memcpy"};
  const bool is_captured = is_capturing(*stream);
  if (!is_captured && !on_heap(from) && !is_pinned(from)) {
    const auto staged = std::make_shared<std::vector<unsigned char>>(rows.width * rows.count);
    for (std::size_t row = 0; row < rows.count; ++row)
      std::memcpy(staged->data() + row * rows.width, static_cast<const unsigned char*>(from) + row * rows.from_pitch,
                  rows.width);
    work.run = [=] { copy_rows(to, staged->data(), {rows.width, rows.count, rows.to_pitch, rows.width}); };
  }
  const cudaError_t error = enqueue(handle, std::move(work));
  if (error == cudaSuccess && !is_captured && !on_heap(to) && !is_pinned(to))
    wait_for(*stream);
  return error;
}

cudaError_t copy_and_wait(void* to, const void* from, Rows rows, cudaMemcpyKind kind) {
  const Lock lock;
  if (const cudaError_t error = refuse_in_capture(); error != cudaSuccess)
    return error;
  const cudaError_t error = copy(to, from, rows, kind, nullptr);
  wait_for(*find_stream(nullptr));
  return error;
}

void set(void* address, int value, std::size_t bytes) {
  const DeviceAccess access;
  check_range(address, bytes, true, "memset");
  if (on_heap(address))
    std::memset(address, value, bytes);
}

cudaError_t fill(void* address, int value, std::size_t bytes, cudaStream_t stream) {
  if (bytes == 0)
    return find_stream(stream) == nullptr ? fail(cudaErrorInvalidResourceHandle) : cudaSuccess;
  if (!on_heap(address))
    return fail(cudaErrorInvalidValue);
  return enqueue(stream, {[=] { set(address, value, bytes); }, cudaGraphNodeTypeMemset, "memset"});
}

/// Frees that are still queued may make room.
void* allocate_or_drain(std::size_t bytes) {
  if (void* const address = allocate_device(bytes))
    return address;
  drain_all();
  return allocate_device(bytes);
}

/// To the checker, stream-ordered birth and death of memory are writes of it all: work that no event orders behind the
/// one or before the other races with them.
void claim(const void* address, std::size_t bytes, const char* what) {
  if (checker != nullptr)
    checker->note_range(address, bytes, true, what);
}

cudaError_t pin(void* address, std::size_t bytes, bool owned) {
  pinned[static_cast<const unsigned char*>(address)] = {bytes, owned};
  return cudaSuccess;
}

cudaError_t unpin(void* address, bool owned, cudaError_t otherwise) {
  const auto it = pinned.find(static_cast<const unsigned char*>(address));
  if (it == pinned.end() || it->second.owned != owned)
    return fail(otherwise);
  pinned.erase(it);
  return cudaSuccess;
}

}  // namespace

std::size_t report_leaks() {
  const Lock lock;
  drain_all();
  return report_live_allocations();
}

}  // namespace emu

using namespace emu;

cudaError_t cudaMalloc(void** address, std::size_t bytes) {
  const Lock lock;
  if (const cudaError_t error = refuse_in_capture(); error != cudaSuccess)
    return error;
  if (address == nullptr)
    return fail(cudaErrorInvalidValue);
  *address = bytes == 0 ? nullptr : allocate_or_drain(bytes);
  return *address != nullptr || bytes == 0 ? cudaSuccess : fail(cudaErrorMemoryAllocation);
}

cudaError_t cudaFree(void* address) {
  const Lock lock;
  if (const cudaError_t error = refuse_in_capture(); error != cudaSuccess)
    return error;
  if (address == nullptr)
    return cudaSuccess;
  wait_for_all();
  return free_device(address) ? cudaSuccess : fail(cudaErrorInvalidValue);
}

/// Allocation within graphs is not emulated: this project's graphs own no memory.
cudaError_t cudaMallocAsync(void** address, std::size_t bytes, cudaStream_t handle) {
  const Lock lock;
  const std::shared_ptr<CUstream_st> stream = find_stream(handle);
  if (stream == nullptr)
    return fail(cudaErrorInvalidResourceHandle);
  if (const cudaError_t error = refuse_in_capture(*stream); error != cudaSuccess)
    return error;
  if (address == nullptr)
    return fail(cudaErrorInvalidValue);
  *address = bytes == 0 ? nullptr : allocate_or_drain(bytes);
  if (*address == nullptr)
    return bytes == 0 ? cudaSuccess : fail(cudaErrorMemoryAllocation);
  return enqueue(handle, {[begin = *address, bytes] { claim(begin, bytes, "cudaMallocAsync"); }});
}

cudaError_t cudaMallocFromPoolAsync(void** address, std::size_t bytes, cudaMemPool_t pool, cudaStream_t stream) {
  if (pool != &default_pool)
    return fail(cudaErrorInvalidValue);
  return cudaMallocAsync(address, bytes, stream);
}

cudaError_t cudaFreeAsync(void* address, cudaStream_t handle) {
  const Lock lock;
  const std::shared_ptr<CUstream_st> stream = find_stream(handle);
  if (stream == nullptr)
    return fail(cudaErrorInvalidResourceHandle);
  if (address == nullptr)
    return cudaSuccess;
  if (const cudaError_t error = refuse_in_capture(*stream); error != cudaSuccess)
    return error;
  if (!on_heap(address))
    return fail(cudaErrorInvalidValue);
  return enqueue(handle, {[address] {
                   if (const auto allocation = allocation_at(address))
                     claim(address, allocation->bytes, "cudaFreeAsync");
                   free_device(address);
                 }});
}

cudaError_t cudaMallocHost(void** address, std::size_t bytes) {
  return cudaHostAlloc(address, bytes, cudaHostAllocDefault);
}

/// Filled with NaNs, as unwritten memory should be seen to be read.
cudaError_t cudaHostAlloc(void** address, std::size_t bytes, unsigned flags) {
  const Lock lock;
  if (const cudaError_t error = refuse_in_capture(); error != cudaSuccess)
    return error;
  if (address == nullptr || flags > 7)
    return fail(cudaErrorInvalidValue);
  *address = nullptr;
  if (bytes == 0)
    return cudaSuccess;
  const std::size_t whole = (bytes + 255) / 256 * 256;
  *address = whole < bytes ? nullptr : std::aligned_alloc(256, whole);
  if (*address == nullptr)
    return fail(cudaErrorMemoryAllocation);
  std::memset(*address, 0xff, bytes);
  return pin(*address, bytes, true);
}

/// As the real one, it waits for the work that may use the memory.
cudaError_t cudaFreeHost(void* address) {
  const Lock lock;
  if (const cudaError_t error = refuse_in_capture(); error != cudaSuccess)
    return error;
  if (address == nullptr)
    return cudaSuccess;
  wait_for_all();
  const cudaError_t error = unpin(address, true, cudaErrorInvalidValue);
  if (error == cudaSuccess)
    std::free(address);
  return error;
}

cudaError_t cudaHostRegister(void* address, std::size_t bytes, unsigned flags) {
  const Lock lock;
  if (address == nullptr || bytes == 0 || flags > 15)
    return fail(cudaErrorInvalidValue);
  return is_pinned(address) ? fail(cudaErrorHostMemoryAlreadyRegistered) : pin(address, bytes, false);
}

cudaError_t cudaHostUnregister(void* address) {
  const Lock lock;
  wait_for_all();
  return unpin(address, false, cudaErrorHostMemoryNotRegistered);
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* address) {
  const Lock lock;
  *attributes = {};
  auto* const place = const_cast<void*>(address);
  if (allocation_at(address)) {
    attributes->type = cudaMemoryTypeDevice;
    attributes->devicePointer = place;
  } else if (is_pinned(address)) {
    attributes->type = cudaMemoryTypeHost;
    attributes->devicePointer = attributes->hostPointer = place;
  } else {
    attributes->type = cudaMemoryTypeUnregistered;
    attributes->device = -2;
    attributes->hostPointer = place;
  }
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  const Lock lock;
  *total = options().device_bytes;
  *free = *total - live_bytes();
  return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  return copy_and_wait(to, from, {bytes, 1, 0, 0}, kind);
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  const Lock lock;
  return copy(to, from, {bytes, 1, 0, 0}, kind, stream);
}

cudaError_t cudaMemcpy2D(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch, std::size_t width,
                         std::size_t height, cudaMemcpyKind kind) {
  if (width > to_pitch || width > from_pitch)
    return fail(cudaErrorInvalidValue);
  return copy_and_wait(to, from, {width, height, to_pitch, from_pitch}, kind);
}

cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                              std::size_t width, std::size_t height, cudaMemcpyKind kind, cudaStream_t stream) {
  const Lock lock;
  if (width > to_pitch || width > from_pitch)
    return fail(cudaErrorInvalidValue);
  return copy(to, from, {width, height, to_pitch, from_pitch}, kind, stream);
}

cudaError_t cudaMemset(void* address, int value, std::size_t bytes) {
  const Lock lock;
  if (const cudaError_t error = refuse_in_capture(); error != cudaSuccess)
    return error;
  return fill(address, value, bytes, nullptr);
}

cudaError_t cudaMemsetAsync(void* address, int value, std::size_t bytes, cudaStream_t stream) {
  const Lock lock;
  return fill(address, value, bytes, stream);
}

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int device) {
  if (device != 0)
    return fail(cudaErrorInvalidDevice);
  *pool = &default_pool;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetMemPool(cudaMemPool_t* pool, int device) {
  return cudaDeviceGetDefaultMemPool(pool, device);
}

cudaError_t cudaDeviceSetMemPool(int device, cudaMemPool_t pool) {
  return device == 0 && pool == &default_pool ? cudaSuccess : fail(cudaErrorInvalidValue);
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value) {
  const Lock lock;
  if (pool != &default_pool)
    return fail(cudaErrorInvalidValue);
  const std::uint64_t number = attribute < cudaMemPoolAttrReleaseThreshold
                                   ? static_cast<std::uint64_t>(*static_cast<int*>(value))
                                   : *static_cast<std::uint64_t*>(value);
  switch (attribute) {
    case cudaMemPoolReuseFollowEventDependencies:
    case cudaMemPoolReuseAllowOpportunistic:
    case cudaMemPoolReuseAllowInternalDependencies:
      return cudaSuccess;
    case cudaMemPoolAttrReleaseThreshold:
      pool->release_threshold = number;
      return cudaSuccess;
    case cudaMemPoolAttrReservedMemHigh:
    case cudaMemPoolAttrUsedMemHigh:
      if (number != 0)
        return fail(cudaErrorInvalidValue);
      reset_peak_bytes();
      return cudaSuccess;
    default:
      return fail(cudaErrorInvalidValue);
  }
}

cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value) {
  const Lock lock;
  if (pool != &default_pool)
    return fail(cudaErrorInvalidValue);
  auto* const number = static_cast<std::uint64_t*>(value);
  switch (attribute) {
    case cudaMemPoolReuseFollowEventDependencies:
    case cudaMemPoolReuseAllowOpportunistic:
    case cudaMemPoolReuseAllowInternalDependencies:
      *static_cast<int*>(value) = 1;
      return cudaSuccess;
    case cudaMemPoolAttrReleaseThreshold:
      *number = pool->release_threshold;
      return cudaSuccess;
    case cudaMemPoolAttrReservedMemCurrent:
    case cudaMemPoolAttrUsedMemCurrent:
      *number = live_bytes();
      return cudaSuccess;
    case cudaMemPoolAttrReservedMemHigh:
    case cudaMemPoolAttrUsedMemHigh:
      *number = peak_bytes();
      return cudaSuccess;
  }
  return fail(cudaErrorInvalidValue);
}

cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, std::size_t) {
  return pool == &default_pool ? cudaSuccess : fail(cudaErrorInvalidValue);
}
