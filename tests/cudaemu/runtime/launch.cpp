// Launches: limits as on a device of compute capability 9.0, names, statistics.
#include <cuda_runtime.h>
#include <cxxabi.h>
#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "tests/cudaemu/emu.h"
#include "tests/cudaemu/runtime/block.h"
#include "tests/cudaemu/runtime/checker.h"
#include "tests/cudaemu/runtime/heap.h"
#include "tests/cudaemu/runtime/kernels.h"
#include "tests/cudaemu/runtime/launch_log.h"
#include "tests/cudaemu/runtime/stream.h"

namespace emu {
namespace {

std::map<const void*, Kernel>& kernels() {
  static std::map<const void*, Kernel> all;
  return all;
}

std::vector<LaunchLog*>& open_logs() {
  static std::vector<LaunchLog*> logs;
  return logs;
}

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

thread_local Kernel* the_running_kernel = nullptr;

void run_kernel(Kernel& kernel, const Pack& pack, std::size_t pack_bytes, dim3 grid, dim3 block,
                std::size_t dynamic_bytes) {
  const DeviceAccess access;
  the_running_kernel = &kernel;
  running.in_kernel = true;
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
  the_running_kernel = nullptr;
}

void add(Stats& sum, const Stats& more) {
  sum.launches += more.launches;
  sum.blocks += more.blocks;
  sum.threads += more.threads;
  sum.barriers += more.barriers;
  sum.bytes_read += more.bytes_read;
  sum.bytes_written += more.bytes_written;
  sum.requests += more.requests;
  sum.sectors += more.sectors;
  sum.fewest_sectors += more.fewest_sectors;
  sum.shared_requests += more.shared_requests;
  sum.bank_conflicts += more.bank_conflicts;
}

}  // namespace

std::string signature_of(const char* mangled_name) {
  int status = 0;
  char* const demangled = abi::__cxa_demangle(mangled_name, nullptr, nullptr, &status);
  std::string text = demangled == nullptr ? mangled_name : demangled;
  std::free(demangled);
  const std::string reference = " const&";
  for (std::size_t at = text.find(reference); at != std::string::npos; at = text.find(reference, at))
    text.erase(at, reference.size());
  return text;
}

Kernel& kernel_of(const void* function) {
  Kernel& kernel = kernels()[function];
  if (!kernel.linker_name.empty())
    return kernel;
  Dl_info info{};
  if (dladdr(function, &info) == 0 || info.dli_sname == nullptr || info.dli_saddr != function) {
    std::fprintf(stderr,
                 "cuda-emu: the kernel at %p has no name: is it static or in an anonymous namespace, or is the program "
                 "not linked with -rdynamic?\n",
                 function);
    std::abort();
  }
  kernel.linker_name = info.dli_sname;
  kernel.signature = signature_of(info.dli_sname);
  return kernel;
}

Kernel* running_kernel() {
  return the_running_kernel;
}

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

std::map<std::string, Stats> stats() {
  const Lock lock;
  std::map<std::string, Stats> by_signature;
  for (const auto& [function, kernel] : kernels())
    add(by_signature[kernel.signature], kernel.stats);
  return by_signature;
}

Stats stats_of(const std::string& part) {
  Stats sum;
  for (const auto& [signature, kernel_stats] : stats()) {
    if (signature.find(part) != std::string::npos)
      add(sum, kernel_stats);
  }
  return sum;
}

void reset_stats() {
  const Lock lock;
  for (auto& [function, kernel] : kernels())
    kernel.stats = {};
}

LaunchLog::LaunchLog() {
  const Lock lock;
  open_logs().push_back(this);
}

LaunchLog::~LaunchLog() {
  const Lock lock;
  std::erase(open_logs(), this);
}

std::size_t LaunchLog::count(const std::string& part) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(names_, [&](const std::string& name) { return name.find(part) != std::string::npos; }));
}

void log_launch(const std::string& name) {
  for (LaunchLog* log : open_logs())
    log->add(name);
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
