// Launches, within the limits of a device of compute capability 9.0.
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "tests/cudaemu/emu.h"
#include "tests/cudaemu/runtime/block.h"
#include "tests/cudaemu/runtime/checker.h"
#include "tests/cudaemu/runtime/heap.h"
#include "tests/cudaemu/runtime/kernels.h"
#include "tests/cudaemu/runtime/stream.h"

namespace emu {
namespace {

bool is_legal(dim3 grid, dim3 block) {
  const std::size_t threads = std::size_t{block.x} * block.y * block.z;
  return threads > 0 && threads <= 1024 && block.x <= 1024 && block.y <= 1024 && block.z <= 64 && grid.x > 0 &&
         grid.x <= 2147483647u && grid.y > 0 && grid.y <= 65535 && grid.z > 0 && grid.z <= 65535;
}

/// Programmatic launch changes when kernels may begin and no result; the rest is not modelled.
void check_attributes(const cudaLaunchConfig_t& config) {
  for (unsigned i = 0; i < config.numAttrs; ++i) {
    switch (config.attrs[i].id) {
      case cudaLaunchAttributeIgnore:
      case cudaLaunchAttributeProgrammaticStreamSerialization:
      case cudaLaunchAttributePriority:
        break;
      default:
        std::fprintf(stderr, "cuda-emu: launch attribute %d is not emulated\n", static_cast<int>(config.attrs[i].id));
        std::abort();
    }
  }
}

void check_pointers(const Kernel& kernel, const void* const* pointers, int count) {
  for (int i = 0; i < count; ++i) {
    if (pointers[i] != nullptr && !on_heap(pointers[i]))
      report("memcheck", "pointer argument %d of %s is a host pointer, %p", i, kernel.signature.c_str(), pointers[i]);
  }
}

void run_kernel(Kernel& kernel, const Pack& pack, std::size_t pack_bytes, dim3 grid, dim3 block,
                std::size_t dynamic_bytes) {
  const DeviceAccess access;
  watch_faults();
  running.in_kernel = true;
  running.counts_accesses = options().count_accesses;
  running.kernel = &kernel.signature;
  running.arguments = reinterpret_cast<const std::byte*>(&pack);
  running.argument_bytes = pack_bytes;
  running.dynamic_bytes = dynamic_bytes;
  running.barriers = 0;
  GridCounts counts;
  if (launch_hook == nullptr || !launch_hook(kernel.linker_name.c_str(), grid, block, dynamic_bytes, pack))
    counts = run_grid(pack, grid, block, dynamic_bytes);
  running.in_kernel = false;
  ++kernel.stats.launches;
  kernel.stats.blocks += counts.blocks;
  kernel.stats.threads += counts.threads;
  kernel.stats.barriers += counts.barriers;
  if (checker != nullptr)
    checker->end_kernel(kernel.stats);
}

}  // namespace

cudaError_t launch(const cudaLaunchConfig_t& config, std::shared_ptr<const Pack> pack, std::size_t pack_bytes,
                   const void* const* pointers, int pointer_count, const void* function) {
  const Lock lock;
  const dim3 grid = config.gridDim, block = config.blockDim;
  if (!is_legal(grid, block))
    return fail(cudaErrorInvalidConfiguration);
  Kernel& kernel = kernel_of(function);
  if (config.dynamicSmemBytes > kernel.dynamic_limit)
    return fail(cudaErrorInvalidValue);
  check_attributes(config);
  check_pointers(kernel, pointers, pointer_count);
  const std::size_t dynamic_bytes = config.dynamicSmemBytes;
  return enqueue(config.stream, {[&kernel, pack, pack_bytes, grid, block, dynamic_bytes] {
                                   run_kernel(kernel, *pack, pack_bytes, grid, block, dynamic_bytes);
                                 },
                                 cudaGraphNodeTypeKernel, kernel.signature});
}

}  // namespace emu

using namespace emu;

cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value) {
  const Lock lock;
  Kernel& kernel = kernel_of(function);
  switch (attribute) {
    case cudaFuncAttributeMaxDynamicSharedMemorySize:
      if (value < 0 || static_cast<std::size_t>(value) > kMostSharedBytes)
        return fail(cudaErrorInvalidValue);
      kernel.dynamic_limit = static_cast<std::size_t>(value);
      return cudaSuccess;
    case cudaFuncAttributePreferredSharedMemoryCarveout:
      return value >= -1 && value <= 100 ? cudaSuccess : fail(cudaErrorInvalidValue);
  }
  std::fprintf(stderr, "cuda-emu: function attribute %d is not emulated\n", static_cast<int>(attribute));
  std::abort();
}

/// What only the device's compiler knows (registers, static shared memory) is 0.
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* function) {
  const Lock lock;
  const Kernel& kernel = kernel_of(function);
  *attributes = {};
  attributes->maxThreadsPerBlock = 1024;
  attributes->ptxVersion = attributes->binaryVersion = 90;
  attributes->maxDynamicSharedSizeBytes = static_cast<int>(kernel.dynamic_limit);
  attributes->preferredShmemCarveout = -1;
  return cudaSuccess;
}

cudaError_t cudaFuncGetName(const char** name, const void* function) {
  const Lock lock;
  *name = kernel_of(function).linker_name.c_str();
  return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void*, int threads,
                                                          std::size_t dynamic_bytes) {
  if (threads <= 0 || threads > 1024)
    return fail(cudaErrorInvalidValue);
  constexpr std::size_t kSharedOfMultiprocessor = 233472, kReserved = 1024;
  const int by_memory = static_cast<int>(kSharedOfMultiprocessor / (dynamic_bytes + kReserved));
  *blocks = std::min({32, 2048 / ((threads + 31) / 32 * 32), by_memory});
  return cudaSuccess;
}
